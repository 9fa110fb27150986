"""From what is stored to what is true: adopt what lives, reap what is nobody's, follow others."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.process import ProcessFailed, ProcessGone, find_marked, reap
from mlx_manager_jupyter.errors import StoreUnusable
from mlx_manager_jupyter.services.servers.plan import RUN_MARKER

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from mlx_manager_jupyter.schema import Identity, StoredServer
    from mlx_manager_jupyter.services.servers.claims import Claims
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.registry import Registry


class Reconciler:
    """Keeps the registry at what the store and the processes say, from `open` to `close`."""

    def __init__(
        self,
        claims: Claims,
        registry: Registry,
        make: Callable[[StoredServer], ManagedServer],
        *,
        me: Identity,
        interval: float,
        grace: float,
        log: Logger,
    ) -> None:
        """``interval`` is in seconds between two looks, ``grace`` as for `reap`."""
        self._claims = claims
        self._registry = registry
        self._make = make
        self._me = me
        self._interval = interval
        self._grace = grace
        self._log = log
        self._watcher: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """See to what an earlier extension left, then follow those that live."""
        try:
            await asyncio.to_thread(self._claims.enter)
            for stored in await asyncio.to_thread(self._claims.list):
                await self._see_to(stored)
        except StoreUnusable as error:
            self._log.error("%s", error)  # Jupyter goes on without
        self._watcher = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Follow nobody any more."""
        if self._watcher:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher

    async def sync(self) -> None:
        """Take in what other extensions of this user started since the last look.

        Raises:
            StoreUnusable: when nobody can say.
        """
        for stored in await asyncio.to_thread(self._claims.list):
            known = self._registry.find(stored.name)
            # A run that we know is told by its process, which the list may be behind.
            is_news = known is None or (not known.alive and known.stored.run != stored.run)
            if is_news and stored.process and stored.wanted:
                self.adopt(stored)
            elif known and known.stored.run == stored.run and stored.keep > known.stored.keep:
                known.keep()

    def adopt(self, stored: StoredServer) -> bool:
        """Watch the process that is stored; False when it is no more, and nothing changes then."""
        server = self._make(stored)
        try:
            server.adopt()
        except ProcessGone:
            return False
        self._registry.show(server)
        return True

    async def _watch(self) -> None:
        seen, told = None, ""
        while True:
            await asyncio.sleep(self._interval)
            try:
                stamp = self._claims.stamp()
                if stamp != seen:
                    await self.sync()
                    seen, told = stamp, ""
            except StoreUnusable as error:
                if str(error) != told:
                    self._log.warning("%s", error)
                    told = str(error)

    async def _see_to(self, stored: StoredServer) -> None:
        stored = await asyncio.to_thread(self._claims.take_over, stored)
        if stored.process and stored.wanted and self.adopt(stored):
            self._log.info("adopted the server %s (pid %s)", stored.name, stored.process.pid)
            return
        if stored.owner != self._me:
            return  # its owner lives: it is about to spawn it, or sees to its end
        leftovers = await asyncio.to_thread(find_marked, RUN_MARKER, stored.run)
        if stored.process:
            leftovers = [stored.process, *leftovers]
        try:
            for identity in leftovers:
                await reap(identity, stored.host, stored.port, self._grace)
        except ProcessFailed as failed:
            self._log.warning("the server %s is not gone: %s", stored.name, failed.failure.detail)
        else:
            await asyncio.to_thread(self._claims.release, stored.name, stored.run)
