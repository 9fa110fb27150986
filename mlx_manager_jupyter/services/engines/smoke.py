"""The proof that a new engine loads a model and answers, before any server is started from it."""

from __future__ import annotations

import contextlib
import shutil
import socket
from typing import TYPE_CHECKING

import msgspec

from mlx_manager_jupyter.adapters.process import EngineProcess, Launch, ProcessFailed
from mlx_manager_jupyter.errors import InstallFailed, MLXManagerError
from mlx_manager_jupyter.schema import Profile
from mlx_manager_jupyter.services.engines import tiny_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlx_manager_jupyter.adapters.engines import Engine
    from mlx_manager_jupyter.adapters.upstream import Upstream
    from mlx_manager_jupyter.schema import EngineKind

HOST = "127.0.0.1"
PATH = "/v1/chat/completions"
TAIL = 20
OK = 200


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
        engine = self._engines[kind]
        model = tiny_model.write(scratch / "model")
        port = _free_port()
        profile = Profile(name="smoke", model=str(model))
        launch = Launch(
            argv=engine.argv((str(executable),), profile, model, HOST, port),
            env={**self._environment, **_QUIET, **engine.env, **env},
            cwd=scratch,
            log=scratch / "engine.log",
            host=HOST,
            port=port,
        )
        process = EngineProcess(
            launch,
            probe=lambda: self._upstream.answers(HOST, port, engine.probe.path, engine.probe.body),
            fatal=lambda line: bool(engine.fatal.search(line)),
            on_change=lambda _: None,
            load_timeout=seconds,
        )
        try:
            await process.start()
            await process.wait_ready()
            await self._ask(port, engine.served_name)
        except ProcessFailed as failed:
            failure, tail = failed.failure, process.tail(TAIL)
            error = engine.diagnose(
                failure.kind,
                failure.detail,
                tail,
                exit_code=failure.exit_code,
                signal=failure.signal,
            )
            raise _no_answer(kind, error, tail) from failed
        except MLXManagerError as error:
            raise _no_answer(kind, error, process.tail(TAIL)) from error
        finally:
            with contextlib.suppress(ProcessFailed):
                await process.stop()
            shutil.rmtree(scratch, ignore_errors=True)

    async def _ask(self, port: int, model: str) -> None:
        """One real request, whatever it was that told that the engine is ready."""
        question = {"role": "user", "content": "Hello"}
        body = {"model": model, "messages": [question], "max_tokens": 4, "temperature": 0.0}
        answer = await self._upstream.post(HOST, port, PATH, msgspec.json.encode(body))
        with contextlib.closing(answer):
            content = await answer.read()
        told = content[:300].decode(errors="replace")
        try:
            usable = answer.status == OK and bool(msgspec.json.decode(content)["choices"])
        except (msgspec.DecodeError, LookupError, TypeError):
            usable = False
        if not usable:
            raise InstallFailed(f"It answers {answer.status}: {told}")


_QUIET = {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}


def _no_answer(kind: EngineKind, why: MLXManagerError, tail: list[str]) -> InstallFailed:
    return InstallFailed(
        f"The {kind} that was installed does not work: {why.message}",
        "What was there before is still in use. Choose another --version.",
        tail or why.log_tail,
    )


def _free_port() -> int:
    """Not one of those that servers are given: they are promised long before they are bound."""
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
