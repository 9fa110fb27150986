"""Which servers there are: start, join, stop, restart."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from traitlets import Float
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.errors import MLXManagerError, NotReady, PortTaken, StoreUnusable
from mlx_manager_jupyter.schema import Logs
from mlx_manager_jupyter.services.servers.claims import refuse_other_settings
from mlx_manager_jupyter.services.servers.follow import follow
from mlx_manager_jupyter.services.servers.managed import ManagedServer
from mlx_manager_jupyter.services.servers.reconcile import Reconciler
from mlx_manager_jupyter.services.servers.registry import Registry

if TYPE_CHECKING:
    import builtins
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping

    from mlx_manager_jupyter.adapters.engines import Engine
    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.adapters.upstream import Upstream
    from mlx_manager_jupyter.schema import (
        EngineKind,
        Event,
        LogLines,
        Problem,
        Profile,
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
    """Knows every server of this user, whichever extension started it.

    What is asked of one name happens one after the other; different names don't wait for another.
    """

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
        self._registry = Registry(publish)
        self._reconciler = Reconciler(
            claims,
            self._registry,
            self._make,
            me=planner.me,
            interval=self.sync_interval,
            grace=self.stop_grace,
            log=self.log,
        )
        # Weak, so that a lock is there exactly as long as somebody holds it or waits for it.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._closing = False

    async def open(self) -> None:
        """Adopt what lives, reap what is nobody's, and keep an eye on other extensions."""
        await self._reconciler.open()

    async def close(self) -> None:
        """Stop the servers that nobody wants kept, and leave the others running."""
        self._closing = True
        await self._reconciler.close()
        last = True  # if nobody can say: rather end a server too many than leave it to nobody
        with self._despite_the_store():
            if last := await asyncio.to_thread(self._claims.leave):
                await self._reconciler.sync()  # what another left to us a moment ago
        for lock in tuple(self._locks.values()):
            async with lock:  # whatever is under way comes to its end, or is refused
                pass
        await asyncio.gather(*(self._leave(server, last=last) for server in self._registry))
        self._registry.clear()

    @property
    def closing(self) -> bool:
        """Whether this extension ends: what is kept goes on without it."""
        return self._closing

    # --- reading --------------------------------------------------------------------------------

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
        return Logs(name=name, path=server.stored.log, lines=tuple(server.tail(lines)))

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

    def pids(self) -> dict[str, builtins.list[int]]:
        """The living processes of each server (blocking: call it in a thread)."""
        return {server.name: server.pids() for server in self._registry}

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
        async with self._lock(name):
            await self._reconciler.sync()
            running = self._registry.find(name)
            if running and running.alive:
                refuse_other_settings(running.stored, profile)
                if wanted.keep and not running.stored.keep:
                    await asyncio.to_thread(self._claims.keep, name, running.stored.run)
                    running.keep()
                return running.record(), False
            return await self._place(name, profile, profile_name, keep=bool(wanted.keep))

    async def stop(self, name: str) -> None:
        """End a server; returns when its process tree is gone and its port is free.

        Raises:
            UnknownServer: naming the nearest ones.
            EngineCrashed: when it can't be ended; it stays listed, and says what is left.
        """
        if name not in self._locks:  # else it is about to be there, or about to go
            await self.find(name)
        async with self._lock(name):
            if server := self._registry.find(name):
                await self._end(server)
                self._registry.forget(server)

    async def restart(self, name: str) -> Server:
        """End a server and start it again with the same settings.

        Raises:
            UnknownServer: naming the nearest ones.
            MLXManagerError: whatever keeps it from ending, or from starting.
        """
        async with self._lock(name):
            server = await self.find(name)
            old = server.stored
            await self._end(server)
            try:
                placed = await self._place(name, old.profile, old.profile_name, keep=old.keep)
            except MLXManagerError as error:
                self._registry.put_back(server)
                server.fail(error.problem)
                raise
            return placed[0]

    # --- one server -----------------------------------------------------------------------------

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())

    async def _place(
        self,
        name: str,
        profile: Profile,
        profile_name: str | None,
        *,
        keep: bool,
        lost: frozenset[int] = frozenset(),
    ) -> tuple[Server, bool]:
        """Launch it on the first port that nobody else has, or was promised a moment earlier."""
        taken = self._registry.ports | lost
        while True:
            stored = await self._planner.prepare(
                name, profile, profile_name, keep=keep, taken=taken
            )
            try:
                return await self._launch(stored, lost)
            except PortTaken:
                if profile.port is not None:
                    raise
                taken |= {stored.port}

    async def _launch(self, stored: StoredServer, lost: frozenset[int]) -> tuple[Server, bool]:
        if self._closing:
            raise NotReady("This Jupyter server is stopping.", "Start it in one that stays.")
        while (held := await asyncio.to_thread(self._claims.claim, stored)).run != stored.run:
            if joined := await self._join(held, stored.profile):
                return joined.record(), False
        server = self._make(stored)
        server.lost_ports = lost
        self._registry.show(server)
        try:
            await server.launch(self._planner.environment(stored))
            await asyncio.to_thread(self._claims.spawned, server.stored)
        except BaseException:
            with suppress(MLXManagerError):  # the first error is the one to tell
                await self._end(server)
            self._registry.forget(server)
            raise
        return server.record(), True

    async def _join(self, held: StoredServer, profile: Profile) -> ManagedServer | None:
        """What another extension starts under this name; None when that came to nothing."""
        refuse_other_settings(held, profile)
        try:
            async with asyncio.timeout(SPAWN_PATIENCE):
                while held.process is None:
                    await asyncio.sleep(0.05)
                    current = await asyncio.to_thread(self._claims.find, held.name)
                    if current is None or current.run != held.run:
                        return None
                    held = current
        except TimeoutError as error:
            message = f"Another Jupyter server is starting {held.name!r}, but does not get on."
            raise NotReady(message, "Try again, or start it under another --name.") from error
        known = self._registry.find(held.name)
        if not (known and known.alive) and not self._reconciler.adopt(held):
            return None
        return self._registry.get(held.name)

    def _make(self, stored: StoredServer) -> ManagedServer:
        return ManagedServer(
            stored,
            self._engines[stored.engine],
            self._upstream,
            process_memory=self._machine.process_memory,
            on_change=self._registry.changed,
            on_end=self._ended,
            load_timeout=self.load_timeout,
            grace=self.stop_grace,
        )

    async def _end(self, server: ManagedServer) -> None:
        name, run = server.name, server.stored.run
        with self._despite_the_store():
            await asyncio.to_thread(self._claims.unwanted, name, run)
        await server.stop()
        with self._despite_the_store():
            await asyncio.to_thread(self._claims.release, name, run)

    async def _leave(self, server: ManagedServer, *, last: bool) -> None:
        if server.alive and (server.stored.keep or not last):
            await server.detach()
        else:
            with suppress(MLXManagerError):
                await self._end(server)

    async def _ended(self, server: ManagedServer, problem: Problem) -> None:
        unasked = True
        with self._despite_the_store():
            unasked = await asyncio.to_thread(
                self._claims.still_wanted, server.name, server.stored.run
            )
        if self._registry.find(server.name) is not server:
            return
        if not unasked:
            self._registry.forget(server)
        elif not await self._found_another_port(server, problem):
            self.log.warning("the server %s failed: %s", server.name, problem.message)
            self._registry.put_back(server)
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
        async with self._lock(server.name):
            if self._registry.find(server.name) is not server:
                return True
            self.log.info("%s lost port %s to another program", server.name, old.port)
            try:
                await self._place(old.name, old.profile, old.profile_name, keep=old.keep, lost=lost)
            except MLXManagerError:
                return False
            return True

    @contextmanager
    def _despite_the_store(self) -> Iterator[None]:
        """What is true of processes holds, and is done, even while nothing can be stored."""
        try:
            yield
        except StoreUnusable as error:
            self.log.warning("%s", error)
