"""One server: its settings, its process, and the record that the world sees."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.adapters.process import EngineProcess, Launch, ProcessFailed
from mlx_manager_jupyter.errors import EngineCrashed
from mlx_manager_jupyter.schema import Progress, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from mlx_manager_jupyter.adapters.engines import Engine
    from mlx_manager_jupyter.adapters.process import Failure
    from mlx_manager_jupyter.adapters.process.machine import Watching
    from mlx_manager_jupyter.adapters.upstream import Upstream
    from mlx_manager_jupyter.schema import Identity, Problem, ServerState, StoredServer

#: Seconds between two looks at how much of the weights is in memory.
PROGRESS_INTERVAL = 0.5

STAGES: Mapping[ServerState, str] = {"starting": "starting engine", "loading": "loading weights"}


class ManagedServer:
    """A server and its one process. The process adapter writes the state; this tells the story.

    ``on_change`` hears of every change of `record`; ``on_end`` is awaited when the process ended
    unasked, before the world is told, so that the manager can say what it means.
    """

    def __init__(
        self,
        stored: StoredServer,
        engine: Engine,
        upstream: Upstream,
        *,
        process_memory: Callable[[list[int]], int],
        on_change: Callable[[ManagedServer], None],
        on_end: Callable[[ManagedServer, Problem], Coroutine[None, None, None]],
        load_timeout: float,
        grace: float,
    ) -> None:
        self.stored = stored
        self.engine = engine
        self.lost_ports: frozenset[int] = frozenset()
        """Ports that another program took before the engine could."""
        self._upstream = upstream
        self._process_memory = process_memory
        self._on_change = on_change
        self._on_end = on_end
        self._load_timeout = load_timeout
        self._grace = grace
        self._process: EngineProcess | None = None
        self._state: ServerState = "starting"
        self._loaded_bytes: int | None = None
        self._problem: Problem | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        """What users type."""
        return self.stored.name

    @property
    def alive(self) -> bool:
        """Whether its process runs, as far as we know."""
        return self._state in {"starting", "loading", "ready"}

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self._state == "ready"

    @property
    def ended(self) -> bool:
        """Whether nothing of this run is left, nor will be."""
        return self._state in {"stopped", "failed"}

    @property
    def will_retry(self) -> bool:
        """Whether it is to be started again after a failure."""
        return False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name under which the gateway finds it, the most particular first."""
        profile = (self.stored.profile_name,) if self.stored.profile_name else ()
        return (self.name, *self.stored.profile.aliases, *profile, self.stored.profile.model)

    def record(self) -> Server:
        """What the world sees."""
        stored, process = self.stored, self._process
        return Server(
            name=stored.name,
            model=stored.profile.model,
            engine=stored.engine,
            state=self._state,
            pid=stored.process.pid if stored.process and self.alive else None,
            port=stored.port,
            profile=stored.profile_name,
            revision=stored.revision,
            aliases=stored.profile.aliases,
            size_bytes=stored.size_bytes,
            keep=stored.keep,
            started_at=stored.started_at,
            ready_seconds=process.ready_seconds if process else None,
            progress=self._progress(),
            error=self._problem,
        )

    def pids(self) -> list[int]:
        """Its living processes (blocking: call it in a thread)."""
        return self._process.pids() if self._process and self.alive else []

    def tail(self, lines: int) -> list[str]:
        """The log's last lines, oldest first."""
        return self._process.tail(lines) if self._process else []

    async def launch(self, env: Mapping[str, str]) -> Identity:
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
        return identity

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

    def keep(self) -> None:
        """Note that it shall outlive Jupyter, as the store says by now."""
        self.stored = replace(self.stored, keep=True)
        self._on_change(self)

    async def detach(self) -> None:
        """Leave the process running and stop watching it."""
        if self._process:
            await self._process.detach()
        self._end_tasks()

    def fail(self, problem: Problem) -> None:
        """Show it as failed."""
        self._state, self._problem = "failed", problem
        self._on_change(self)

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
        )

    def _watching(self) -> Watching:
        return {
            "probe": self._answers,
            "fatal": lambda line: bool(self.engine.fatal.search(line)),
            "on_change": self._changed,
            "load_timeout": self._load_timeout,
            "grace": self._grace,
        }

    async def _answers(self) -> bool:
        probe = self.engine.probe
        return await self._upstream.answers(
            self.stored.host, self.stored.port, probe.path, probe.body
        )

    def _changed(self, process: EngineProcess) -> None:
        if process.state == "failed":
            if process.failure:
                self._spawn_task(self._ended(process.failure))
            return
        self._state = process.state
        if self._state == "loading":
            self._spawn_task(self._watch_loading())
        self._on_change(self)

    async def _ended(self, failure: Failure) -> None:
        error = self.engine.diagnose(
            failure.kind,
            failure.detail,
            self.tail(20),
            exit_code=failure.exit_code,
            signal=failure.signal,
        )
        await self._on_end(self, error.problem)

    async def _watch_loading(self) -> None:
        # Not our own state, which goes on to say so while `on_end` finds out what an end means.
        while self._process and self._process.state == "loading":
            held = await asyncio.to_thread(lambda: self._process_memory(self.pids()))
            self._loaded_bytes = min(held, self.stored.size_bytes or held)
            if self._process.state == "loading":
                self._on_change(self)
            await asyncio.sleep(PROGRESS_INTERVAL)

    def _spawn_task(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end_tasks(self) -> None:
        for task in tuple(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()
