"""What can be asked about servers without changing anything."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.process import last_lines
from mlx_manager_jupyter.schema import Logs
from mlx_manager_jupyter.services.servers.follow import follow
from mlx_manager_jupyter.services.servers.settings import ServerSettings

if TYPE_CHECKING:
    import builtins
    from collections.abc import AsyncGenerator, Iterable, MutableMapping

    from mlx_manager_jupyter.schema import LogLines, Server
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.reconcile import Reconciler
    from mlx_manager_jupyter.services.servers.registry import Registry


class ServerReading(ServerSettings):
    """The half of `ServerManager` that only looks. Its parts are set by the other half."""

    _registry: Registry
    _reconciler: Reconciler
    _locks: MutableMapping[str, asyncio.Lock]

    @property
    def records(self) -> tuple[Server, ...]:
        """All servers, by name."""
        return self._registry.records

    @property
    def all(self) -> Iterable[ManagedServer]:
        """All servers, for the gateway to choose from."""
        return self._registry

    async def list(self) -> tuple[Server, ...]:
        """All servers, by name, those of other extensions included."""
        await self._reconciler.sync()
        return self.records

    async def find(self, name: str) -> ManagedServer:
        """One server, which another extension may have started just now.

        Raises:
            UnknownServer: naming the nearest ones.
        """
        if self._registry.find(name) is None:
            await self._reconciler.sync()
        return self._registry.get(name)

    async def logs(self, name: str, lines: int) -> Logs:
        """The log's last lines, oldest first.

        Raises:
            UnknownServer: naming the nearest ones.
        """
        server = await self.find(name)
        path = server.stored.log
        # From the file: it is ahead of what was followed, and there for those that run elsewhere.
        said = await asyncio.to_thread(last_lines, Path(path), lines) if path else ()
        return Logs(name=name, path=path, lines=tuple(said))

    async def follow(self, name: str, *, lines: int | None = None) -> AsyncGenerator[LogLines]:
        """The log as it grows, for one viewer: close the iterator to leave.

        It ends when the server has ended for good, and goes on with the next run after a restart:
        the first frame of each run says ``begins``.

        Args:
            name: of the server.
            lines: begin with so many of the last lines; with the run's first one if None.

        Raises:
            UnknownServer: naming the nearest ones.
        """
        server = await self.find(name)
        async for came in follow(server, self._registry, self._locks.__contains__, lines):
            yield came

    def known(self, name: str) -> ManagedServer | None:
        """One server of which this extension knows by now, at once."""
        return self._registry.find(name)

    def busy(self, name: str) -> bool:
        """Whether something is being done to the server of this name right now."""
        return name in self._locks

    def pids(self) -> dict[str, builtins.list[int]]:
        """The living processes of each server (blocking: call it in a thread)."""
        return {server.name: server.pids() for server in self._registry}
