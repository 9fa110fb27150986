"""Which servers there are: start, join, adopt, stop."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

from traitlets import Float
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.adapters.process import ProcessGone, find_marked, reap
from mlx_manager_jupyter.errors import MLXManagerError, NameTaken, PortTaken, UnknownServer, nearest
from mlx_manager_jupyter.schema import Logs, ServerChanged, ServerRemoved
from mlx_manager_jupyter.services.servers.managed import ManagedServer
from mlx_manager_jupyter.services.servers.plan import RUN_MARKER

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterable, Mapping

    from mlx_manager_jupyter.adapters.engines import Engine
    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.adapters.upstream import Upstream
    from mlx_manager_jupyter.schema import (
        EngineKind,
        Event,
        Problem,
        Server,
        StartServer,
        StoredServer,
    )
    from mlx_manager_jupyter.services.servers.claims import Claims
    from mlx_manager_jupyter.services.servers.plan import Planner

#: Seconds that another extension may take between claiming a name and spawning the process.
SPAWN_PATIENCE = 15.0

#: How often a server may lose its port to another program before that is a failure.
PORT_TRIES = 3


class ServerManager(LoggingConfigurable):
    """Knows every server of this user, whichever extension started it."""

    load_timeout = Float(
        600.0, min=1.0, help="Seconds that an engine may take to load before it counts as failed."
    ).tag(config=True)
    stop_grace = Float(
        2.0, min=0.1, help="Seconds between SIGTERM, SIGINT and SIGKILL when a server is stopped."
    ).tag(config=True)
    sync_interval = Float(
        1.0, min=0.1, help="Seconds between two looks at what other Jupyter servers started."
    ).tag(config=True)

    def __init__(
        self,
        *,
        claims: Claims,
        planner: Planner,
        engines: Mapping[EngineKind, Engine],
        upstream: Upstream,
        machine: Machine,
        publish: Callable[[Event], None],
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._claims = claims
        self._planner = planner
        self._engines = engines
        self._upstream = upstream
        self._machine = machine
        self._publish = publish
        self._servers: dict[str, ManagedServer] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._watcher: asyncio.Task[None] | None = None

    # --- reading --------------------------------------------------------------------------------

    @property
    def records(self) -> tuple[Server, ...]:
        """All servers, by name."""
        return tuple(self._servers[name].record() for name in sorted(self._servers))

    @property
    def all(self) -> Iterable[ManagedServer]:
        """All servers, for the gateway to choose from."""
        return self._servers.values()

    async def list(self) -> tuple[Server, ...]:
        """All servers, by name, those of other extensions included."""
        await self.sync()
        return self.records

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

    def logs(self, name: str, lines: int) -> Logs:
        """The log's last lines, oldest first.

        Raises:
            UnknownServer: naming the nearest ones.
        """
        server = self.get(name)
        return Logs(name=name, path=server.stored.log, lines=tuple(server.tail(lines)))

    def pids(self) -> dict[str, builtins.list[int]]:
        """The living processes of each server (blocking: call it in a thread)."""
        return {name: server.pids() for name, server in tuple(self._servers.items())}

    # --- commands -------------------------------------------------------------------------------

    async def start(self, wanted: StartServer) -> tuple[Server, bool]:
        """Start a server, or join the one that runs already with the same settings.

        Returns:
            Its record, and whether this call started it. It is not ready yet: watch the events.

        Raises:
            MLXManagerError: whatever is wrong with the request, the model, the engine or the port,
                found before anything starts.
            NameTaken: when a server of that name runs with other settings.
        """
        name, profile, profile_name = await self._planner.settings(wanted)
        async with self._locks[name]:
            await self.sync()
            running = self._servers.get(name)
            if running and running.alive:
                if running.stored.profile != profile:
                    message = f"{name!r} runs already, with other settings."
                    raise NameTaken(message, "Stop it first, or give this one another --name.")
                return running.record(), False
            stored = await self._planner.prepare(
                name, profile, profile_name, keep=bool(wanted.keep), taken=self._ports()
            )
            return await self._launch(stored)

    async def stop(self, name: str) -> None:
        """End a server; returns when its process tree is gone and its port is free.

        Raises:
            UnknownServer: naming the nearest ones.
        """
        self.get(name)
        async with self._locks[name]:
            if name in self._servers:
                await self._end(self._servers[name])
                self._forget(name)

    async def restart(self, name: str) -> Server:
        """End a server and start it again with the same settings.

        Raises:
            UnknownServer: naming the nearest ones.
            MLXManagerError: whatever keeps it from starting.
        """
        self.get(name)
        async with self._locks[name]:
            server = self.get(name)
            old = server.stored
            await self._end(server)
            try:
                stored = await self._planner.prepare(
                    name, old.profile, old.profile_name, keep=old.keep, taken=self._ports()
                )
                return (await self._launch(stored))[0]
            except MLXManagerError as error:
                server.fail(error.problem)
                raise

    # --- life of the extension --------------------------------------------------------------------

    async def open(self) -> None:
        """Adopt what lives, reap what is nobody's, and keep an eye on other extensions."""
        await asyncio.to_thread(self._claims.enter)
        for stored in await asyncio.to_thread(self._claims.list):
            await self._reconcile(stored)
        self._watcher = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Stop the servers that nobody wants kept, and leave the others running."""
        if self._watcher:
            self._watcher.cancel()
        last = await asyncio.to_thread(self._claims.leave)
        await asyncio.gather(*(self._close(server, last=last) for server in self._servers.values()))
        self._servers.clear()

    async def sync(self) -> None:
        """Take in what other extensions of this user started since the last look."""
        for stored in await asyncio.to_thread(self._claims.list):
            known = self._servers.get(stored.name)
            if stored.process and stored.wanted and (known is None or not known.alive):
                self._adopt(stored)

    async def _watch(self) -> None:
        seen = None
        while True:
            await asyncio.sleep(self.sync_interval)
            stamp = self._claims.stamp()
            if stamp != seen:
                await self.sync()
                seen = stamp

    async def _reconcile(self, stored: StoredServer) -> None:
        stored = await asyncio.to_thread(self._claims.take_over, stored)
        if stored.process and stored.wanted and self._adopt(stored):
            self.log.info("adopted the server %s (pid %s)", stored.name, stored.process.pid)
            return
        if stored.process is None and stored.owner.pid != self._planner.me.pid:
            return  # another extension is just about to spawn it
        leftovers = await asyncio.to_thread(find_marked, RUN_MARKER, stored.run)
        if stored.process:
            leftovers = [stored.process, *leftovers]
        for identity in leftovers:
            await reap(identity, stored.host, stored.port, self.stop_grace)
        await asyncio.to_thread(self._claims.release, stored.name, stored.run)

    async def _close(self, server: ManagedServer, *, last: bool) -> None:
        if server.stored.keep or not last:
            await server.detach()
        else:
            with suppress(MLXManagerError):
                await self._end(server)

    # --- one server -------------------------------------------------------------------------------

    async def _launch(
        self, stored: StoredServer, lost_ports: frozenset[int] = frozenset()
    ) -> tuple[Server, bool]:
        held = await asyncio.to_thread(self._claims.claim, stored)
        if held.run != stored.run:
            return await self._join(held), False
        server = self._manage(stored)
        server.lost_ports = lost_ports
        self._publish(ServerChanged(server=server.record()))
        try:
            await server.launch(self._planner.environment(stored))
        except BaseException:
            await asyncio.to_thread(self._claims.release, stored.name, stored.run)
            self._forget(stored.name)
            raise
        await asyncio.to_thread(self._claims.spawned, server.stored)
        return server.record(), True

    async def _join(self, held: StoredServer) -> Server:
        async with asyncio.timeout(SPAWN_PATIENCE):
            while held.process is None:
                await asyncio.sleep(0.05)
                current = await asyncio.to_thread(self._claims.find, held.name)
                held = current or held
        if held.name not in self._servers or not self._servers[held.name].alive:
            self._adopt(held)
        return self.get(held.name).record()

    def _adopt(self, stored: StoredServer) -> bool:
        server = self._manage(stored)
        try:
            server.adopt()
        except ProcessGone:
            del self._servers[stored.name]
            return False
        self._publish(ServerChanged(server=server.record()))
        return True

    def _manage(self, stored: StoredServer) -> ManagedServer:
        server = ManagedServer(
            stored,
            self._engines[stored.engine],
            self._upstream,
            process_memory=self._machine.process_memory,
            on_change=lambda changed: self._publish(ServerChanged(server=changed.record())),
            on_end=self._ended,
            load_timeout=self.load_timeout,
            grace=self.stop_grace,
        )
        self._servers[stored.name] = server
        return server

    async def _end(self, server: ManagedServer) -> None:
        name, run = server.name, server.stored.run
        await asyncio.to_thread(self._claims.unwanted, name, run)
        await server.stop()
        await asyncio.to_thread(self._claims.release, name, run)

    async def _ended(self, server: ManagedServer, problem: Problem) -> None:
        unasked = await asyncio.to_thread(self._claims.release, server.name, server.stored.run)
        if self._servers.get(server.name) is not server:
            return
        if not unasked:
            self._forget(server.name)
        elif not await self._found_another_port(server, problem):
            self.log.warning("the server %s failed: %s", server.name, problem.message)
            server.fail(problem)

    async def _found_another_port(self, server: ManagedServer, problem: Problem) -> bool:
        """Start again elsewhere when another program was quicker: engines bind seconds after us.

        True when there is nothing left to say about the old process.
        """
        old = server.stored
        lost = server.lost_ports | {old.port}
        fixed = old.profile.port is not None
        if problem.code != PortTaken.code or fixed or len(lost) > PORT_TRIES:
            return False
        async with self._locks[server.name]:
            if self._servers.get(server.name) is not server:
                return True
            self.log.info("%s lost port %s to another program", server.name, old.port)
            try:
                stored = await self._planner.prepare(
                    old.name, old.profile, old.profile_name, keep=old.keep, taken=lost
                )
                await self._launch(stored, lost)
            except MLXManagerError:
                return False
            return True

    def _forget(self, name: str) -> None:
        if self._servers.pop(name, None):
            self._publish(ServerRemoved(name=name))

    def _ports(self) -> set[int]:
        return {server.stored.port for server in self._servers.values() if server.alive}
