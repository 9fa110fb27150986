"""What a bug report needs of the extension's side: each thing looked at for itself.

Nothing in here raises, and nothing tells a secret: paths, versions, figures and logs of engines,
which are given none.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.process import port_is_free
from mlx_manager_jupyter.errors import MLXManagerError, Offline
from mlx_manager_jupyter.schema import Check, StoredServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.schema import InstalledEngine, Server

#: Whose versions matter, in the environment of the Jupyter server.
PACKAGES = (
    *("jupyter-server", "jupyterlab", "notebook", "jupyterhub", "ipykernel", "ipython"),
    *("anywidget", "aiohttp", "huggingface-hub", "httpx2", "msgspec", "psutil", "tinydb"),
)

#: Engines that are programs.
PROGRAMS = ("mlx-lm", "mlx-vlm", "mlx-openai-server")

HOST = "127.0.0.1"
#: Bytes. A small model has some, a usual one ten times as many.
TIGHT, FULL = 20e9, 1e9
#: Ports from the first one on that are looked at: servers of a busy day.
PORTS = 20
HUB_SECONDS = 10.0


class Doctor:
    """Looks at everything."""

    def __init__(
        self,
        *,
        version: str,
        home: Path,
        cache: Path,
        store: Store,
        machine: Machine,
        port_start: int,
        wanted_port: int,
        gateway_url: Callable[[], str],
        engines: Callable[[], Awaitable[tuple[InstalledEngine, ...]]],
        servers: Callable[[], Awaitable[Iterable[Server]]],
        ask_hub: Callable[[], Awaitable[object]],
    ) -> None:
        """Hand over what it looks at.

        Args:
            version: of the extension.
            home: folder of all state.
            cache: of Hugging Face.
            store: the state file.
            machine: memory and chip.
            port_start: the first port that servers are given.
            wanted_port: of the door, as configured.
            gateway_url: where it really is.
            engines: those of this machine.
            servers: all of them.
            ask_hub: a question to the Hub that costs little.
        """
        self._version = version
        self._home = home
        self._cache = cache
        self._store = store
        self._machine = machine
        self._port_start = port_start
        self._wanted_port = wanted_port
        self._gateway_url = gateway_url
        self._engines = engines
        self._servers = servers
        self._ask_hub = ask_hub

    async def examine(self, *, hub: bool = False) -> tuple[Check, ...]:
        """Every check.

        Args:
            hub: ask the Hub too, which nobody does without being told.
        """
        blocking = await asyncio.to_thread(self._at_once)
        checks = [*blocking, self._gateway(), *await self._of_engines()]
        checks += await self._of_servers()
        return tuple([*checks, await self._hub()] if hub else checks)

    def _at_once(self) -> list[Check]:
        return [
            Check(
                name="extension",
                state="ok",
                says=f"{self._version}, process {os.getpid()}, Python {platform.python_version()} "
                f"at {sys.executable}",
            ),
            Check(name="packages", state="ok", says=_packages()),
            self._of_machine(),
            self._of_home(),
            self._of_store(),
            self._of_cache(),
            self._ports(),
        ]

    def _of_machine(self) -> Check:
        hardware, memory = self._machine.hardware(), self._machine.memory()
        says = (
            f"{hardware.chip}, {hardware.system}, {hardware.cores} cores, "
            f"{memory.available_bytes / 2**30:.1f} of {memory.total_bytes / 2**30:.1f} GB free"
        )
        if sys.platform == "darwin" and platform.machine() != "arm64":
            hint = "MLX needs Apple silicon, and a Python for arm64 rather than one under Rosetta."
            return Check(name="machine", state="fail", says=says, hint=hint)
        return Check(name="machine", state="ok", says=says)

    def _of_home(self) -> Check:
        if self._home.is_dir() and not os.access(self._home, os.W_OK | os.X_OK):
            hint = "Make it writable, or set MLX_MANAGER_HOME to another folder."
            return Check(name="home", state="fail", says=f"{self._home} is read-only", hint=hint)
        return Check(name="home", state="ok", says=str(self._home))

    def _of_store(self) -> Check:
        try:
            servers = len(self._store.list(StoredServer))
        except MLXManagerError as error:
            return Check(name="store", state="fail", says=error.message, hint=error.hint)
        says = f"{self._store.path}, {servers} server{'' if servers == 1 else 's'} in it"
        if notices := tuple(self._store.notices):
            hint = "What could not be read was set aside beside it."
            return Check(name="store", state="warn", says=says, hint=hint, details=notices)
        return Check(name="store", state="ok", says=says)

    def _of_cache(self) -> Check:
        there = next(each for each in (self._cache, *self._cache.parents) if each.exists())
        free = shutil.disk_usage(there).free
        says = f"{self._cache}, {free / 1e9:.1f} GB free"
        if free < FULL:
            hint = "Free some disk space: jupyter mlx models shows what takes it."
            return Check(name="cache", state="fail", says=says, hint=hint)
        if free < TIGHT:
            hint = "That is little for models; jupyter mlx models shows what takes the room."
            return Check(name="cache", state="warn", says=says, hint=hint)
        return Check(name="cache", state="ok", says=says)

    def _ports(self) -> Check:
        ports = range(self._port_start, min(self._port_start + PORTS, 65536))
        taken = [port for port in ports if not port_is_free(HOST, port)]
        says = f"{len(ports) - len(taken)} of {len(ports)} free from {self._port_start} on"
        if len(taken) == len(ports):
            hint = "Set MLX_MANAGER_DEFAULT_PORT_START to others."
            return Check(name="ports", state="warn", says=says, hint=hint)
        return Check(name="ports", state="ok", says=says)

    def _gateway(self) -> Check:
        url = self._gateway_url()
        if self._wanted_port and f":{self._wanted_port}/" not in url:
            hint = "Tools that were pointed at the usual port must be told; or free that port."
            says = f"{url}, since port {self._wanted_port} was taken"
            return Check(name="gateway", state="warn", says=says, hint=hint)
        return Check(name="gateway", state="ok", says=url)

    async def _of_engines(self) -> list[Check]:
        try:
            found = [each for each in await self._engines() if each.kind in PROGRAMS]
        except MLXManagerError as error:
            return [Check(name="engines", state="fail", says=error.message, hint=error.hint)]
        if not found:
            hint = "jupyter mlx engines install mlx-lm"
            return [Check(name="engines", state="fail", says="there is none", hint=hint)]
        return [_engine(each) for each in found]

    async def _of_servers(self) -> list[Check]:
        return [
            Check(
                name=f"server {server.name}",
                state="warn",
                says=f"{server.model} on {server.engine}: {server.error.message}",
                hint=server.error.hint,
                details=server.error.log_tail,
            )
            for server in await self._servers()
            if server.error
        ]

    async def _hub(self) -> Check:
        try:
            async with asyncio.timeout(HUB_SECONDS):
                await self._ask_hub()
        except MLXManagerError as error:
            by_choice = error.code == Offline.code
            return Check(
                name="hub",
                state="warn" if by_choice else "fail",
                says=error.message,
                hint=error.hint,
            )
        except TimeoutError:
            says = f"no answer within {HUB_SECONDS:.0f} s"
            return Check(name="hub", state="fail", says=says, hint="Look at network and proxy.")
        return Check(name="hub", state="ok", says="it answers")


def _engine(engine: InstalledEngine) -> Check:
    used = "" if engine.selected else ", not in use"
    says = f"{engine.version or 'no version known'}, {engine.source}{used}: {engine.path}"
    name = f"engine {engine.kind}"
    if engine.problem:
        return Check(
            name=name,
            state="fail" if engine.selected else "warn",
            says=f"{says}: {engine.problem.message}",
            hint=engine.problem.hint,
            details=engine.problem.log_tail,
        )
    return Check(name=name, state="ok", says=says)


def _packages() -> str:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
