"""What follows from use and from the lack of it: notes for others, health regained, unloading."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import MLXManagerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from logging import Logger

    from mlx_manager_jupyter.schema import Identity
    from mlx_manager_jupyter.services.servers.claims import Claims
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.registry import Registry

#: Seconds between two looks, at most and at least.
LONGEST_PAUSE, SHORTEST_PAUSE = 1.0, 0.05


class IdleWatch:
    """Every extension notes what passes through it; only the owner of a server unloads it."""

    def __init__(
        self,
        claims: Claims,
        registry: Registry,
        *,
        me: Identity,
        unload: Callable[[str, datetime], Awaitable[bool]],
        healthy_after: float,
        log: Logger,
    ) -> None:
        """Hand over what it needs.

        Args:
            claims: where use is noted for other extensions.
            registry: knows what runs.
            me: the extension that this is.
            unload: ends the server of a name if nobody has used it since then.
            healthy_after: seconds after which earlier failures are forgiven.
            log: for what happens unasked.
        """
        self._claims = claims
        self._registry = registry
        self._me = me
        self._unload = unload
        self._healthy_after = timedelta(seconds=healthy_after)
        self._log = log

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(self._pause())
            for server in self._registry:
                try:
                    await self._see_to(server)
                except MLXManagerError as error:  # the store, or a process that does not end
                    self._log.warning("%s", error)

    def _pause(self) -> float:
        now = datetime.now(UTC)
        dues = [due for server in self._registry if (due := _due(server)) is not None]
        wait = min((due - now).total_seconds() for due in dues) if dues else LONGEST_PAUSE
        return max(SHORTEST_PAUSE, min(wait, LONGEST_PAUSE))

    async def _see_to(self, server: ManagedServer) -> None:
        name, run, now = server.name, server.stored.run, datetime.now(UTC)
        if server.alive and (used := server.use.news()) is not None:
            await asyncio.to_thread(self._claims.update, name, run, last_used_at=used)
            server.changed()
        if (ttl := server.use.ttl) is not None:
            known = await asyncio.to_thread(self._claims.update, name, run, ttl=ttl)
            if known and server.use.ttl == ttl:
                server.learn(known)
                server.use.ttl = None
        if server.stored.owner != self._me:
            return
        ready_at = server.stored.ready_at
        well = server.ready and ready_at is not None and now - ready_at >= self._healthy_after
        if well and server.stored.restarts:
            healed = await asyncio.to_thread(self._claims.update, name, run, restarts=0)
            if healed:
                server.learn(healed)
        due = _due(server)
        if due is not None and now >= due and await self._unload(name, due):
            self._log.info("the server %s was ended: nobody has used it", name)


def _due(server: ManagedServer) -> datetime | None:
    """When it is to be ended, as things are."""
    allowed = server.idle_unload_seconds
    since = server.idle_since()
    if allowed is None or since is None:
        return None
    return since + timedelta(seconds=allowed)
