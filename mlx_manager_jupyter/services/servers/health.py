"""Asking all ready servers, again and again, whether they are well."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mlx_manager_jupyter.services.servers.pulse import PATIENCE

if TYPE_CHECKING:
    from logging import Logger

    from mlx_manager_jupyter.schema import Identity
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.registry import Registry


#: The share of the interval over which the questions of a round are spread.
SPREAD = 0.5
#: Seconds after which one that owes an answer is asked again.
RECHECK = 2.0


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
        clock = asyncio.get_running_loop().time
        took = 0.0
        while True:
            await asyncio.sleep(self._pause(took))
            began = clock()
            await self.look()
            took = clock() - began

    async def look(self) -> None:
        """One round: nobody waits for another's answer."""
        # Somebody else's machine is asked by its own object, whether it is ready or not.
        ready = [each for each in self._registry if each.ready and not each.stored.base_url]
        # Not all in the same moment: twenty requests begun at once kept the loop for 13 ms.
        apart = self._interval * SPREAD / max(1, len(ready))
        work = (self._see_to(server, number * apart) for number, server in enumerate(ready))
        seen = await asyncio.gather(*work, return_exceptions=True)
        for server, error in zip(ready, seen, strict=True):
            if isinstance(error, Exception):  # the others are looked at all the same
                self._log.error("can't look after %s", server.name, exc_info=error)

    def _pause(self, took: float) -> float:
        rest = max(self._interval - took, self._interval * (1 - SPREAD))
        suspect = any(server.ready and server.pulse.missed for server in self._registry)
        return min(rest, RECHECK) if suspect else rest

    async def _see_to(self, server: ManagedServer, after: float) -> None:
        await asyncio.sleep(after)
        if server.ready:
            await self._ask(server)

    async def _ask(self, server: ManagedServer) -> None:
        await server.examine(self._timeout)
        pulse = server.pulse
        if pulse.missed >= PATIENCE and server.ready and server.stored.owner == self._me:
            self._log.warning("giving up the server %s: %s", server.name, pulse.complaint)
            await server.give_up(pulse.complaint)
