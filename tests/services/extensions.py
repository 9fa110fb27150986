"""Extensions without Jupyter: real managers over one store, real processes, the fake engine."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.adapters.hardware import this_machine
from mlx_manager_jupyter.adapters.process import identify, is_alive
from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.adapters.upstream import Upstream
from mlx_manager_jupyter.schema import ServerChanged, ServerRemoved, StartServer
from mlx_manager_jupyter.services.profiles import ProfileManager
from mlx_manager_jupyter.services.servers import Claims, Planner, ServerManager

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from mlx_manager_jupyter.schema import Event, Identity, Server

FAKE_ENGINE = Path(__file__).parents[1] / "fixtures" / "fake_engine.py"


class Extension:
    """One extension's servers, and what its viewers were told."""

    def __init__(self, folder: Path, me: Identity, engine: Path, **options: Any) -> None:
        self.events: list[Event] = []
        self.store = Store(folder / "state.json", lock_timeout_seconds=1.0)
        self.upstream = Upstream()
        self.claims = Claims(self.store, me, is_alive)
        self.profiles = ProfileManager(self.store, self.events.append)
        planner = Planner(
            profiles=self.profiles,
            servable=_as_it_is,
            cache=folder / "hub",
            me=me,
            logs=folder / "logs",
            engine_paths={"mlx-lm": str(engine)},
            port_start=21_000,
        )
        self.servers = ServerManager(
            claims=self.claims,
            planner=planner,
            engines=ENGINES,
            upstream=self.upstream,
            machine=this_machine(),
            publish=self.events.append,
            **{"stop_grace": 0.5, "sync_interval": 0.1, **options},
        )

    async def start(self, model: Path, name: str = "tiny", **fault: Any) -> tuple[Server, bool]:
        """Start a server whose engine has these faults."""
        env = {"FAKE_ENGINE": json.dumps(fault)}
        return await self.servers.start(
            StartServer(model=str(model), name=name, set={"env": env} if fault else {})
        )

    async def ask(self, **body: Any) -> Server:
        """Start what this request says."""
        return (await self.servers.start(StartServer(**body)))[0]

    def states(self, name: str = "tiny") -> list[str]:
        """What a viewer was told of this server, one after the other."""
        told = [
            each.server.state
            for each in self.events
            if isinstance(each, ServerChanged) and each.server.name == name
        ]
        return [state for state, _ in itertools.groupby(told)]

    def seen(self) -> dict[str, Server]:
        """What a viewer draws who got every event."""
        drawn: dict[str, Server] = {}
        for event in self.events:
            if isinstance(event, ServerChanged):
                drawn[event.server.name] = event.server
            elif isinstance(event, ServerRemoved):
                drawn.pop(event.name, None)
        return drawn

    async def until(self, condition: Callable[[dict[str, Server]], object]) -> dict[str, Server]:
        """Wait until a viewer sees this."""
        async with asyncio.timeout(15):
            while not condition(self.seen()):
                await asyncio.sleep(0.01)
        return self.seen()

    async def ready(self, name: str = "tiny") -> Server:
        """Wait until this server is ready."""
        return (await self.until(lambda seen: name in seen and seen[name].state == "ready"))[name]


async def _as_it_is(model: str) -> str:
    return model


@asynccontextmanager
async def extension(
    folder: Path,
    me: Identity | None = None,
    engine: Path = FAKE_ENGINE,
    **options: Any,
) -> AsyncIterator[Extension]:
    """An extension that is open; ``me`` is this process unless given.

    ``options`` are keyword arguments of `ServerManager`, its traits among them.
    """
    opened = Extension(folder, me or identify(os.getpid()), engine, **options)
    await opened.servers.open()
    try:
        yield opened
    finally:
        await opened.servers.close()
        await opened.upstream.close()


@contextmanager
def another_jupyter() -> Iterator[Identity]:
    """A process that lives, for a second extension to be."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        yield identify(process.pid)
    finally:
        process.kill()
        process.communicate()
