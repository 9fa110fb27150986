"""Bringing one server about, and ending it: the claim, the process, the record."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.errors import MLXManagerError, NotReady, PortTaken, StoreUnusable
from mlx_manager_jupyter.services.servers.claims import refuse_other_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from logging import Logger

    from mlx_manager_jupyter.schema import Profile, StoredServer
    from mlx_manager_jupyter.services.servers.claims import Claims
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.order import Order
    from mlx_manager_jupyter.services.servers.plan import Planner
    from mlx_manager_jupyter.services.servers.registry import Registry

    #: Asked for memory once a name was claimed: makes room and says what is planned, or raises
    #: `NotEnoughMemory`. The claim is released then.
    Guard = Callable[[StoredServer], Awaitable[StoredServer]]

#: Seconds that another extension may take between claiming a name and spawning the process.
SPAWN_PATIENCE = 15.0


class Launcher:
    """Places and ends servers. Whoever calls holds the lock of the name."""

    def __init__(
        self,
        claims: Claims,
        planner: Planner,
        registry: Registry,
        *,
        make: Callable[[StoredServer], ManagedServer],
        adopt: Callable[[StoredServer], bool],
        guard: Guard | None,
        log: Logger,
    ) -> None:
        """Hand over what it needs.

        Args:
            claims: intent and facts in the store.
            planner: turns settings into what can be launched.
            registry: knows what runs.
            make: gives the object for what is stored.
            adopt: watches what another extension has started; False when that is gone.
            guard: is asked for memory before each launch; nobody if None.
            log: for what goes on without the store.
        """
        self._claims = claims
        self._planner = planner
        self._registry = registry
        self._make = make
        self._adopt = adopt
        self._guard = guard
        self._log = log
        self.closed = False
        """Nothing is launched any more."""

    async def place(
        self, order: Order, lost: frozenset[int] = frozenset()
    ) -> tuple[ManagedServer, bool]:
        """Launch it on the first port that nobody else has, or was promised a moment earlier.

        Args:
            order: what shall run.
            lost: ports that other programs took from it.

        Returns:
            The server, and whether this call started it; else another extension did.

        Raises:
            MLXManagerError: whatever keeps it from starting. Nothing is left of it then.
        """
        taken = self._registry.ports | lost
        while True:
            planned = await self._planner.prepare(
                order.name, order.profile, order.profile_name, keep=order.keep, taken=taken
            )
            stored = replace(
                planned,
                overrides=order.overrides,
                force=order.force,
                restarts=order.restarts,
                failures=order.failures,
                last_used_at=order.last_used_at,
            )
            try:
                return await self._launch(stored, order.succeeds, lost)
            except PortTaken:
                if order.profile.port is not None:
                    raise
                taken |= {stored.port}

    async def end(self, server: ManagedServer) -> None:
        """End it and forget its claim; the registry is left alone.

        Raises:
            EngineCrashed: when it can't be ended.
        """
        name, run = server.name, server.stored.run
        with self.despite_the_store():
            await asyncio.to_thread(self._claims.unwanted, name, run)
        await server.stop()
        with self.despite_the_store():
            await asyncio.to_thread(self._claims.release, name, run)

    @contextmanager
    def despite_the_store(self) -> Iterator[None]:
        """What is true of processes holds, and is done, even while nothing can be stored."""
        try:
            yield
        except StoreUnusable as error:
            self._log.warning("%s", error)

    async def _launch(
        self, stored: StoredServer, succeeds: str | None, lost: frozenset[int]
    ) -> tuple[ManagedServer, bool]:
        if self.closed:
            raise NotReady("This Jupyter server is stopping.", "Start it in one that stays.")
        while (
            held := await asyncio.to_thread(self._claims.claim, stored, succeeds)
        ).run != stored.run:
            if joined := await self._join(held, stored.profile):
                return joined, False
        if self._guard:
            stored = await self._guard(stored)
        server = self._make(stored)
        server.lost_ports = lost
        if before := self._registry.find(server.name):
            await before.detach()  # it has ended, or is somebody else's machine
        self._registry.show(server)
        try:
            await server.launch(self._planner.environment(stored))
            await asyncio.to_thread(
                self._claims.update,
                server.name,
                stored.run,
                process=server.stored.process,
                started_at=server.stored.started_at,
            )
        except BaseException:
            with suppress(MLXManagerError):  # the first error is the one to tell
                await self.end(server)
            self._registry.forget(server)
            raise
        return server, True

    async def _join(self, held: StoredServer, profile: Profile) -> ManagedServer | None:
        """What another extension starts under this name; None when that came to nothing."""
        refuse_other_settings(held, profile)
        try:
            async with asyncio.timeout(SPAWN_PATIENCE):
                while held.process is None and held.base_url is None:
                    await asyncio.sleep(0.05)
                    current = await asyncio.to_thread(self._claims.find, held.name)
                    if current is None or current.run != held.run:
                        return None
                    held = current
        except TimeoutError as error:
            message = f"Another Jupyter server is starting {held.name!r}, but does not get on."
            raise NotReady(message, "Try again, or start it under another --name.") from error
        known = self._registry.find(held.name)
        if not (known and known.alive) and not self._adopt(held):
            return None
        return self._registry.get(held.name)
