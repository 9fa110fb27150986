"""The proof that a new engine loads a model and answers, before any server is started from it."""

from __future__ import annotations

import contextlib
import shutil
import socket
from typing import TYPE_CHECKING

import msgspec

from mlx_manager_jupyter.adapters.engines import installed_at
from mlx_manager_jupyter.adapters.process import EngineProcess, Launch, ProcessFailed
from mlx_manager_jupyter.errors import InstallFailed, MLXManagerError, UpstreamFailed
from mlx_manager_jupyter.schema import Profile
from mlx_manager_jupyter.services.engines import tiny_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlx_manager_jupyter.adapters.engines import Engine
    from mlx_manager_jupyter.adapters.process import Failure
    from mlx_manager_jupyter.adapters.upstream import Upstream
    from mlx_manager_jupyter.schema import EngineKind

HOST = "127.0.0.1"
PATH = "/v1/chat/completions"
TAIL = 20
OK = 200
#: Characters of an unexpected answer that are shown.
SHOWN = 300

_QUIET = {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}


class Smoke:
    """Starts an engine on a tiny model and asks it something."""

    def __init__(
        self,
        engines: Mapping[EngineKind, Engine],
        upstream: Upstream,
        environment: Mapping[str, str],
    ) -> None:
        """Hand over what it needs.

        Args:
            engines: what is known of each.
            upstream: asks them.
            environment: of engines: without secrets.
        """
        self._engines = engines
        self._upstream = upstream
        self._environment = environment

    async def prove(
        self,
        kind: EngineKind,
        executable: Path,
        scratch: Path,
        *,
        env: Mapping[str, str],
        seconds: float,
    ) -> None:
        """Start it, ask it, end it.

        Args:
            kind: of the engine.
            executable: its program.
            scratch: a folder for model and log; it is made, and gone afterwards.
            env: more for its environment.
            seconds: that it may take to answer.

        Raises:
            InstallFailed: it does not answer; with what it logged.
        """
        try:
            await _Trial(self._engines[kind], self._upstream, executable, scratch).run(
                {**self._environment, **_QUIET, **self._engines[kind].env, **env}, seconds
            )
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


class _Trial:
    """One run of one engine."""

    def __init__(self, engine: Engine, upstream: Upstream, executable: Path, scratch: Path) -> None:
        self._engine = engine
        self._upstream = upstream
        self._scratch = scratch
        self._model = tiny_model.write(scratch / "model")
        self._port = _free_port()
        self._profile = Profile(name="smoke", model=str(self._model))
        self._installed = installed_at(engine, executable, "managed")
        self._answer: tuple[int, bytes] | None = None

    async def run(self, env: Mapping[str, str], seconds: float) -> None:
        """See `Smoke.prove`."""
        process: EngineProcess | None = None
        try:
            process = EngineProcess(
                self._launch(env),
                probe=self._ask,
                fatal=self._is_fatal,
                on_change=lambda _: None,
                load_timeout=seconds,
            )
            await process.start()
            await process.wait_ready()
            tail = process.tail(TAIL)
            if not self._is_answered():
                raise self._no_answer(self._why(tail), tail)
        except ProcessFailed as failed:
            tail = process.tail(TAIL) if process else []
            raise self._no_answer(self._diagnosed(failed.failure, tail), tail) from failed
        except InstallFailed:
            raise
        except MLXManagerError as error:  # it can't even print its help
            raise self._no_answer(error.message, error.log_tail) from error
        finally:
            if process is not None:
                with contextlib.suppress(ProcessFailed):
                    await process.stop()

    def _launch(self, env: Mapping[str, str]) -> Launch:
        return Launch(
            argv=self._engine.argv(self._installed, self._profile, self._model, HOST, self._port),
            env=env,
            cwd=self._scratch,
            log=self._scratch / "engine.log",
            host=HOST,
            port=self._port,
        )

    async def _ask(self) -> bool:
        """One real request. Any answer ends the waiting: what it is worth is judged after."""
        name = self._engine.served_name(self._installed, self._profile, self._model)
        question = {"role": "user", "content": "Hello"}
        body = {"model": name, "messages": [question], "max_tokens": 4, "temperature": 0.0}
        try:
            answer = await self._upstream.send(
                f"http://{HOST}:{self._port}{PATH}", msgspec.json.encode(body)
            )
            with contextlib.closing(answer):
                self._answer = answer.status, await answer.read()
        except UpstreamFailed:
            return False
        return True

    def _is_answered(self) -> bool:
        status, content = self._answer or (0, b"")
        try:
            return status == OK and bool(msgspec.json.decode(content)["choices"])
        except (msgspec.DecodeError, LookupError, TypeError):
            return False

    def _is_fatal(self, line: str) -> bool:
        return bool(self._engine.fatal and self._engine.fatal.search(line))

    def _why(self, tail: list[str]) -> str:
        """What an unexpected answer means: the log says it better, if it does."""
        for line in reversed(tail):
            if self._is_fatal(line):
                return self._engine.diagnose("fatal_line", line, tail).message
        status, content = self._answer or (0, b"")
        return f"it answers {status}: {content[:SHOWN].decode(errors='replace')}"

    def _diagnosed(self, failure: Failure, tail: list[str]) -> str:
        return self._engine.diagnose(
            failure.kind,
            failure.detail,
            tail,
            exit_code=failure.exit_code,
            signal=failure.signal,
        ).message

    def _no_answer(self, why: str, tail: list[str] | tuple[str, ...]) -> InstallFailed:
        return InstallFailed(
            f"The {self._engine.kind} {self._installed.version or ''} that was installed does not "
            f"work: {why}",
            "What was in use before still is. Choose another --version.",
            tail,
        )


def _free_port() -> int:
    """Not one of those that servers are given: they are promised long before they are bound."""
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
