"""Asking all ready servers at once, again and again, whether they are well."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mlx_manager_jupyter.services.servers.pulse import PATIENCE

if TYPE_CHECKING:
    from logging import Logger

    from mlx_manager_jupyter.schema import Identity
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.registry import Registry


class HealthWatch:
    """Every extension looks; only the owner of a server gives it up."""

    def __init__(
        self, registry: Registry, *, me: Identity, interval: float, timeout: float, log: Logger
    ) -> None:
        """``interval`` is in seconds between two rounds, ``timeout`` for one answer."""
        self._registry = registry
        self._me = me
        self._interval = interval
        self._timeout = timeout
        self._log = log

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            await self.look()

    async def look(self) -> None:
        """One round: takes as long as the slowest answer, at most the timeout."""
        ready = [server for server in self._registry if server.ready]
        seen = await asyncio.gather(*map(self._see_to, ready), return_exceptions=True)
        for server, error in zip(ready, seen, strict=True):
            if isinstance(error, Exception):  # the others are looked at all the same
                self._log.error("can't look after %s", server.name, exc_info=error)

    async def _see_to(self, server: ManagedServer) -> None:
        await server.examine(self._timeout)
        pulse = server.pulse
        if pulse.missed >= PATIENCE and server.ready and server.stored.owner == self._me:
            self._log.warning("giving up the server %s: %s", server.name, pulse.complaint)
            await server.give_up(pulse.complaint)
