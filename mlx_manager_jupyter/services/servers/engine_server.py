"""A server that is an engine of this machine: one process of ours."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from mlx_manager_jupyter.adapters.process import EngineProcess, Launch, ProcessFailed
from mlx_manager_jupyter.errors import EngineCrashed, UpstreamFailed
from mlx_manager_jupyter.schema import Progress
from mlx_manager_jupyter.services.servers.managed import DECIDED, ManagedServer
from mlx_manager_jupyter.services.servers.plan import RUN_MARKER
from mlx_manager_jupyter.services.servers.pulse import REFUSED
from mlx_manager_jupyter.services.servers.spread import LINES_TOLD, lines_that_tell, stdin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from mlx_manager_jupyter.adapters.engines import Engine
    from mlx_manager_jupyter.adapters.process import Failure
    from mlx_manager_jupyter.adapters.process.machine import Watching
    from mlx_manager_jupyter.adapters.upstream import Upstream
    from mlx_manager_jupyter.schema import Problem, ServerState, StoredServer

#: Seconds between two looks at how much of the weights is in memory.
PROGRESS_INTERVAL = 0.5

#: What any extension may find out about a process, and tells the others.
FOUND = (
    "wanted",
    "process",
    "started_at",
    "ready_at",
    "restarts",
    "failures",
    "retry_at",
    "error",
)

STAGES: Mapping[ServerState, str] = {"starting": "starting engine", "loading": "loading weights"}


class EngineServer(ManagedServer):
    """The process adapter writes the state; this tells the story.

    ``on_ready`` is awaited when it answers; ``on_end`` when the process ended unasked, before the
    world is told, so that the manager can say what it means.
    """

    shared = (*DECIDED, *FOUND)

    def __init__(
        self,
        stored: StoredServer,
        engine: Engine,
        upstream: Upstream,
        *,
        process_memory: Callable[[list[int]], int],
        on_change: Callable[[ManagedServer], None],
        on_ready: Callable[[ManagedServer], Coroutine[None, None, None]],
        on_end: Callable[[ManagedServer, Problem], Coroutine[None, None, None]],
        load_timeout: float,
        grace: float,
    ) -> None:
        super().__init__(stored, engine, on_change)
        self._upstream = upstream
        self._process_memory = process_memory
        self._on_ready = on_ready
        self._on_end = on_end
        self._load_timeout = load_timeout
        self._grace = grace
        self._process: EngineProcess | None = None
        self._loaded_bytes: int | None = None

    @property
    def ready_seconds(self) -> float | None:
        """Seconds from spawn to the first answer; None for an adopted one."""
        return self._process.ready_seconds if self._process else None

    def pids(self) -> list[int]:
        """Its living processes (blocking: call it in a thread)."""
        return self._process.pids() if self._process and self.alive else []

    def tail(self, lines: int) -> list[str]:
        """The log's last lines, oldest first."""
        return self._process.tail(lines) if self._process else []

    async def launch(self, env: Mapping[str, str]) -> None:
        """Spawn the process and return as soon as it exists.

        Raises:
            MLXManagerError: when it can't be spawned.
        """
        self._process = EngineProcess(self._launch(env), **self._watching())
        self._spawn_task(self._upstream.warm())  # while the engine starts, not when it is ready
        try:
            identity = await self._process.start()
        except ProcessFailed as failed:
            raise self.engine.diagnose(failed.failure.kind, failed.failure.detail, ()) from failed
        self.stored = replace(self.stored, process=identity, started_at=datetime.now(UTC))
        self.changed()

    def adopt(self) -> None:
        """Watch the process that the store names.

        Raises:
            ProcessGone: when it is no more.
        """
        if self.stored.process is None:  # pragma: no cover  the manager never does
            msg = "nothing to adopt"
            raise ValueError(msg)
        self._process = EngineProcess.adopt(
            self.stored.process, self._launch({}), **self._watching()
        )

    async def stop(self) -> None:
        """End the process; returns when its whole tree is gone and its port is free.

        Raises:
            EngineCrashed: naming what is left, if not even SIGKILL ended it. It is shown as failed.
        """
        try:
            if self._process:
                await self._process.stop()
        except ProcessFailed as failed:
            message = f"{self.name!r} could not be stopped: {failed.failure.detail}"
            error = EngineCrashed(message, "End what is named by hand, then stop it again.")
            self._end_tasks()  # it is no crash, whatever the process reported
            self.fail(error.problem)
            raise error from failed
        self._state = "stopped"
        self._end_tasks()

    async def detach(self) -> None:
        """Leave the process running and stop watching it."""
        if self._process:
            await self._process.detach()
        self._end_tasks()

    async def give_up(self, detail: str) -> None:
        """End a process that is of no use: it fails, and may be started again."""
        if self._process:
            await self._process.give_up(detail)

    async def examine(self, timeout: float) -> None:  # noqa: ASYNC109  of the request, not of us
        """Ask a ready one whether it is well; `pulse` says what came of it."""
        status = await self._status(timeout)
        if self.ready and self.pulse.beat(
            status, self.engine.health(self.stored).path, in_use=self.use.going_on
        ):
            self.changed()

    def _progress(self) -> Progress | None:
        if self._state not in STAGES:
            return None
        loading = self._state == "loading"
        return Progress(
            stage=STAGES[self._state],
            done_bytes=self._loaded_bytes if loading else None,
            total_bytes=self.stored.size_bytes if loading else None,
        )

    def _launch(self, env: Mapping[str, str]) -> Launch:
        log = Path(self.stored.log)
        return Launch(
            argv=self.stored.argv,
            env=env,
            cwd=log.parent,
            log=log,
            host=self.stored.host,
            port=self.stored.port,
            marker=(RUN_MARKER, self.stored.run),
            stdin=stdin_of(self.stored.profile),
        )

    def _watching(self) -> Watching:
        return {
            "probe": self._answers,
            "fatal": self.engine.is_fatal,
            "on_change": self._changed,
            "load_timeout": self._load_timeout,
            "grace": self._grace,
        }

    async def _answers(self) -> bool:
        probe = self.engine.probe(self.stored)
        return await self._upstream.answers(
            self.engine.url(self.stored, probe.path),
            probe.body,
            self.engine.headers(self.stored),
            probe.accepts,
        )

    async def _status(self, timeout: float) -> int | None:  # noqa: ASYNC109  as `examine`
        probe = self.engine.health(self.stored)
        url = self.engine.url(self.stored, probe.path)
        body = None if probe.body is None else msgspec.json.encode(probe.body)
        try:
            async with asyncio.timeout(timeout):
                answer = await self._upstream.send(url, body, self.engine.headers(self.stored))
        except TimeoutError:
            return None
        except UpstreamFailed:
            return REFUSED
        with contextlib.closing(answer):
            return answer.status

    def _changed(self, process: EngineProcess) -> None:
        if process.state == "failed":
            if process.failure:
                self._spawn_task(self._ended(process.failure))
            return
        self._state = process.state
        if self._state == "loading":
            self._spawn_task(self._watch_loading())
        elif self._state == "ready":
            if self.stored.ready_at is None:
                self.stored = replace(self.stored, ready_at=datetime.now(UTC))
            self._spawn_task(self._on_ready(self))
        self.changed()

    async def _ended(self, failure: Failure) -> None:
        error = self.engine.diagnose(
            failure.kind,
            failure.detail,
            self.tail(lines_that_tell(self.stored.profile)),
            exit_code=failure.exit_code,
            signal=failure.signal,
        )
        last = error.log_tail[-LINES_TOLD:]
        await self._on_end(self, replace(error.problem, log_tail=last))

    async def _watch_loading(self) -> None:
        # Not our own state, which goes on to say so while `on_end` finds out what an end means.
        while self._process and self._process.state == "loading":
            held = await asyncio.to_thread(lambda: self._process_memory(self.pids()))
            self._loaded_bytes = min(held, self.stored.size_bytes or held)
            if self._process.state == "loading":
                self.changed()
            await asyncio.sleep(PROGRESS_INTERVAL)
