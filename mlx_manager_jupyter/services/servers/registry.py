"""Which servers this extension knows, and what it tells the world about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import UnknownServer
from mlx_manager_jupyter.names import nearest
from mlx_manager_jupyter.schema import ServerChanged, ServerRemoved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlx_manager_jupyter.schema import Event, Server
    from mlx_manager_jupyter.services.servers.managed import ManagedServer


class Registry:
    """One server a name. Every change of it is an event, and nothing else is."""

    def __init__(self, publish: Callable[[Event], None]) -> None:
        self._publish = publish
        self._servers: dict[str, ManagedServer] = {}

    def __iter__(self) -> Iterator[ManagedServer]:
        """All servers; a copy, so that it may be read in a thread or across an await."""
        return iter(tuple(self._servers.values()))

    @property
    def records(self) -> tuple[Server, ...]:
        """What the world sees, by name."""
        return tuple(self._servers[name].record() for name in sorted(self._servers))

    @property
    def ports(self) -> frozenset[int]:
        """Ports that are in use, or will be as soon as an engine is up."""
        mine = (server.stored for server in self if server.alive)
        return frozenset(stored.port for stored in mine if stored.base_url is None)

    def find(self, name: str) -> ManagedServer | None:
        """One server, or None."""
        return self._servers.get(name)

    def get(self, name: str) -> ManagedServer:
        """One server.

        Raises:
            UnknownServer: naming the nearest ones.
        """
        if name in self._servers:
            return self._servers[name]
        close = nearest(name, self._servers)
        hint = f"Did you mean {' or '.join(close)}?" if close else "See 'servers' for the list."
        raise UnknownServer(f"There is no server named {name!r}.", hint)

    def show(self, server: ManagedServer) -> None:
        """From now on this one is what its name means."""
        self._servers[server.name] = server
        self.changed(server)

    def changed(self, server: ManagedServer) -> None:
        """Tell the world, unless the name means another server by now, or none."""
        if self._servers.get(server.name) is server:
            self._publish(ServerChanged(server=server.record()))

    def put_back(self, server: ManagedServer) -> None:
        """Its successor came to nothing: the name means this one again."""
        self._servers.setdefault(server.name, server)

    def forget(self, server: ManagedServer) -> None:
        """It is gone. Nothing happens when its name means another one by now."""
        if self._servers.get(server.name) is server:
            del self._servers[server.name]
            self._publish(ServerRemoved(name=server.name))

    def clear(self) -> None:
        """Forget all without a word."""
        self._servers.clear()
