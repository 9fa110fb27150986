"""Which servers there are: start, join, stop, restart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from msgspec.structs import replace

from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.services.servers.auto_start import AutoStart
from mlx_manager_jupyter.services.servers.background import Background
from mlx_manager_jupyter.services.servers.claims import refuse_other_settings
from mlx_manager_jupyter.services.servers.freshness import Freshness
from mlx_manager_jupyter.services.servers.health import HealthWatch
from mlx_manager_jupyter.services.servers.idle import IdleWatch
from mlx_manager_jupyter.services.servers.launcher import Launcher
from mlx_manager_jupyter.services.servers.maker import Maker
from mlx_manager_jupyter.services.servers.order import Order, overrides, successor
from mlx_manager_jupyter.services.servers.reading import ServerReading
from mlx_manager_jupyter.services.servers.reconcile import Reconciler
from mlx_manager_jupyter.services.servers.registry import Registry
from mlx_manager_jupyter.services.servers.restarts import Restarts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mlx_manager_jupyter.adapters.engines import Engine
    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.adapters.upstream import Upstream
    from mlx_manager_jupyter.schema import (
        EngineKind,
        Event,
        Problem,
        Profile,
        Server,
        StartServer,
    )
    from mlx_manager_jupyter.services.servers.claims import Claims
    from mlx_manager_jupyter.services.servers.launcher import Guard
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.plan import Planner


class ServerManager(ServerReading):
    """Knows every server of this user, whichever extension started it.

    What is asked of one name happens one after the other; different names don't wait for another.
    """

    def __init__(
        self,
        *,
        claims: Claims,
        planner: Planner,
        engines: Mapping[EngineKind, Engine],
        upstream: Upstream,
        machine: Machine,
        publish: Callable[[Event], None],
        guard: Guard | None = None,
        health_interval: float = 10.0,
        **kwargs: object,
    ) -> None:
        """Hand over what it needs.

        Args:
            claims: intent and facts in the store, shared with other extensions.
            planner: turns requests into what can be launched.
            engines: by kind.
            upstream: asks servers how they are.
            machine: measures processes.
            publish: takes events.
            guard: is asked for memory before each launch; see `Launcher`.
            health_interval: seconds between two rounds of asking.
            kwargs: traits.
        """
        super().__init__(**kwargs)
        self._claims = claims
        self._registry = registry = Registry(publish)
        # Weak, so that a lock is there exactly as long as somebody holds it or waits for it.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._planner = planner
        self._freshness = Freshness(claims, registry, planner)
        maker = Maker(
            engines,
            upstream,
            machine,
            self,
            health_interval=health_interval,
            on_change=registry.changed,
            on_ready=self._is_ready,
            on_end=self._failed,
        )
        self._reconciler = Reconciler(
            claims,
            registry,
            maker.make,
            me=planner.me,
            interval=self.sync_interval,
            grace=self.stop_grace,
            is_busy=self._locks.__contains__,
            waits=self._waits,
            synced=self._freshness.look,
            log=self.log,
        )
        self._launcher = Launcher(
            claims,
            planner,
            registry,
            make=maker.make,
            adopt=self._reconciler.adopt,
            guard=guard,
            log=self.log,
        )
        self._restarts = Restarts(
            claims,
            registry,
            self._launcher,
            self.restart_policy,
            me=planner.me,
            lock=self._lock,
            refreshed=self._freshness.refreshed,
            caught_up=self._reconciler.sync,
            log=self.log,
        )
        self._health = HealthWatch(
            registry,
            me=planner.me,
            interval=health_interval,
            timeout=self.health_timeout,
            log=self.log,
        )
        self._idle = IdleWatch(
            claims,
            registry,
            me=planner.me,
            unload=self.unload,
            healthy_after=self.healthy_after,
            log=self.log,
        )
        self._auto_start = AutoStart(
            claims,
            registry,
            self.start,
            maker.make,
            me=planner.me,
            at_once=self.auto_start_at_once,
            log=self.log,
        )
        self._background = Background(self.log)

    async def open(self) -> None:
        """Adopt what lives, reap what is nobody's, look after all, start what wants to be."""
        await self._reconciler.open()
        self._background.start(self._health.run())
        self._background.start(self._idle.run())
        if self.auto_start:
            self._background.start(self._auto_start.run())

    async def close(self) -> None:
        """Stop the servers that nobody wants kept, and leave the others running."""
        self._launcher.closed = True
        self._restarts.close()
        await self._background.close()
        await self._reconciler.close()
        last = True  # if nobody can say: rather end a server too many than leave it to nobody
        with self._launcher.despite_the_store():
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
        return self._launcher.closed

    # --- commands -------------------------------------------------------------------------------

    async def start(self, wanted: StartServer) -> tuple[Server, bool]:
        """Start a server, or join the one that runs already with the same settings.

        Returns:
            Its record, and whether this call started it. It is not ready yet: watch the events.

        Raises:
            MLXManagerError: whatever is wrong with the request, the model, the engine, the port or
                the memory, found before anything starts.
            NameTaken: when a server of that name runs with other settings.
        """
        name, profile, profile_name = await self._planner.settings(wanted)
        async with self._lock(name):
            await self._reconciler.sync()
            running = self._registry.find(name)
            if running and running.alive:
                refuse_other_settings(running.stored, profile)
                if wanted.keep and not running.stored.keep:
                    await self._keep(running)
                return running.record(), False
            order = Order(
                name=name,
                profile=profile,
                profile_name=profile_name,
                overrides=overrides(wanted),
                keep=bool(wanted.keep),
                force=wanted.force,
            )
            server, started = await self._launcher.place(order)
            return server.record(), started

    async def stop(self, name: str) -> None:
        """End a server; returns when its process tree is gone and its port is free.

        One that failed is dismissed, and not started again.

        Raises:
            UnknownServer: naming the nearest ones.
            EngineCrashed: when it can't be ended; it stays listed, and says what is left.
        """
        if name not in self._locks:  # else it is about to be there, or about to go
            await self.find(name)
        async with self._lock(name):
            if server := self._registry.find(name):
                await self._launcher.end(server)
                self._registry.forget(server)

    async def restart(self, name: str) -> Server:
        """End a server and start it again: its saved profile as it is now, with its overrides.

        Raises:
            UnknownServer: naming the nearest ones.
            MLXManagerError: whatever keeps it from ending, or from starting. When the settings are
                at fault, it runs on.
        """
        async with self._lock(name):
            server = await self.find(name)
            again = replace(successor(server.stored, restarts=0), succeeds=None, failures=())
            order = await self._freshness.refreshed(again)
            await self._launcher.end(server)
            try:
                placed, _ = await self._launcher.place(order)
            except MLXManagerError as error:
                await self._restarts.came_to_nothing(server, error)
                raise
            return placed.record()

    async def unload(self, name: str, unused_since: datetime | None = None) -> bool:
        """End a ready server to free its memory, unless somebody needs it.

        It never waits for what is being done to that server, so it may be called while something
        is being done to another one.

        Args:
            name: of the server.
            unused_since: end it only if nobody has used it since then.

        Returns:
            Whether it is gone. False: it is in use, or not there, or somebody is at it.

        Raises:
            EngineCrashed: when it can't be ended.
        """
        if name in self._locks:
            return False
        async with self._lock(name):
            server = self._registry.find(name)
            if server is None:
                return False
            with self._launcher.despite_the_store():
                stored = await asyncio.to_thread(self._claims.find, name)
                server.use.heard(stored.last_used_at if stored else None)
            since = server.idle_since()
            if since is None or (unused_since is not None and since > unused_since):
                return False
            server.leaving = True  # from here on no request is sent to it
            try:
                await self._launcher.end(server)
            finally:
                server.leaving = False
            self._registry.forget(server)
            return True

    async def profile_changed(self, old: Profile | None, new: Profile | None) -> None:
        """A profile was created, edited, renamed or deleted: what runs from it says so.

        What no engine hears of, such as ``pinned`` or ``idle_unload_seconds``, applies at once.
        """
        if old and new and old.name != new.name:
            await self._freshness.renamed(old.name, new.name)
        await self._freshness.look()

    # --- one server -----------------------------------------------------------------------------

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())

    async def _keep(self, server: ManagedServer) -> None:
        kept = await asyncio.to_thread(
            self._claims.update, server.name, server.stored.run, keep=True
        )
        if kept:
            server.learn(kept)

    async def _failed(self, server: ManagedServer, problem: Problem) -> None:
        await self._restarts.failed(server, problem)

    def _waits(self, server: ManagedServer) -> None:
        self._restarts.mind(server)

    async def _is_ready(self, server: ManagedServer) -> None:
        if server.stored.owner == self._planner.me:
            with self._launcher.despite_the_store():
                await asyncio.to_thread(
                    self._claims.update,
                    server.name,
                    server.stored.run,
                    ready_at=server.stored.ready_at,
                )

    async def _leave(self, server: ManagedServer, *, last: bool) -> None:
        goes_on = server.stored.keep and (server.alive or server.will_retry)
        if goes_on or not last:
            await server.detach()
            return
        try:
            await self._launcher.end(server)
        except MLXManagerError as error:
            self.log.warning("%s", error)
