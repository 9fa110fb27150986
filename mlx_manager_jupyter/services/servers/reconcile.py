"""From what is stored to what is true: adopt what lives, reap what is nobody's, follow others."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.process import ProcessFailed, ProcessGone, find_marked, reap
from mlx_manager_jupyter.errors import StoreUnusable
from mlx_manager_jupyter.services.servers.plan import RUN_MARKER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
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
        is_busy: Callable[[str], bool],
        waits: Callable[[ManagedServer], None],
        synced: Callable[[], Awaitable[None]],
        log: Logger,
    ) -> None:
        """Hand over what it needs.

        Args:
            claims: intent and facts in the store.
            registry: knows what runs.
            make: gives the object for what is stored.
            me: the extension that this is.
            interval: seconds between two looks.
            grace: as for `reap`.
            is_busy: whether something is being done to the server of a name here.
            waits: hears of failed servers that may be ours to start again.
            synced: is awaited after each look.
            log: for what happens unasked.
        """
        self._claims = claims
        self._registry = registry
        self._make = make
        self._me = me
        self._interval = interval
        self._grace = grace
        self._is_busy = is_busy
        self._waits = waits
        self._synced = synced
        self._log = log
        self._owners: set[Identity] = set()
        """Other extensions that something was seen to belong to."""
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
        """Take in what other extensions of this user did since the last look.

        Raises:
            StoreUnusable: when nobody can say.
        """
        found = {stored.name: stored for stored in await asyncio.to_thread(self._claims.list)}
        self._owners = {stored.owner for stored in found.values()} - {self._me}
        for stored in found.values():
            known = self._registry.find(stored.name)
            if known and known.stored.run == stored.run:
                if known.learn(stored):
                    self._waits(known)
            # A run that we know is told by its process, which the list may be behind.
            elif self._is_over(known) and not self._is_busy(stored.name):
                self._show(stored)
        for server in self._registry:
            gone = server.name not in found and (server.ended or server.stored.base_url)
            if gone and not self._is_busy(server.name):  # another extension dismissed it
                server.let_go()
                self._registry.forget(server)
        await self._synced()

    def adopt(self, stored: StoredServer) -> bool:
        """Watch the process that is stored; False when it is no more, and nothing changes then."""
        server = self._make(stored)
        try:
            server.adopt()
        except ProcessGone:
            return False
        self._replace_by(server)
        return True

    @staticmethod
    def _is_over(known: ManagedServer | None) -> bool:
        """Whether the name means another run by now if the store says so."""
        return known is None or known.ended or known.stored.base_url is not None

    def _show(self, stored: StoredServer) -> None:
        """Another extension's server: it runs, or it has failed."""
        if not stored.wanted:
            return
        if stored.error is not None:
            self._show_failed(stored)
        elif stored.process or stored.base_url:
            self.adopt(stored)

    def _show_failed(self, stored: StoredServer) -> None:
        server = self._make(stored)
        self._replace_by(server)
        if stored.error:
            server.fail(stored.error)
        self._waits(server)

    def _replace_by(self, server: ManagedServer) -> None:
        if before := self._registry.find(server.name):
            before.let_go()
        self._registry.show(server)

    async def _watch(self) -> None:
        seen, told = None, ""
        while True:
            await asyncio.sleep(self._interval)
            try:
                stamp = self._claims.stamp()
                if stamp != seen:
                    await self.sync()
                    seen, told = stamp, ""
                await self._inherit()
            except StoreUnusable as error:
                if str(error) != told:
                    self._log.warning("%s", error)
                    told = str(error)

    async def _inherit(self) -> None:
        """Own what an extension left that was killed, and go on with what it was about to do."""
        if not self._owners or not await asyncio.to_thread(self._claims.orphaned, self._owners):
            return
        for stored in await asyncio.to_thread(self._claims.list):
            if stored.owner != self._me and not self._is_busy(stored.name):
                await self._see_to(stored)
        await self.sync()

    async def _see_to(self, stored: StoredServer) -> None:
        stored = await asyncio.to_thread(self._claims.take_over, stored)
        if stored.owner != self._me:
            if self._registry.find(stored.name) is None:
                self._show(stored)
            return  # its owner lives, and is about to spawn it or sees to its end
        known = self._registry.find(stored.name)
        if stored.wanted and known and known.stored.run == stored.run:
            self._log.info("took on the server %s, whose Jupyter is gone", stored.name)
            known.learn(stored)
            self._waits(known)
        elif stored.wanted and stored.process and self.adopt(stored):
            self._log.info("adopted the server %s (pid %s)", stored.name, stored.process.pid)
        elif stored.wanted and stored.base_url:
            self.adopt(stored)
        else:
            await self._clear_away(stored)

    async def _clear_away(self, stored: StoredServer) -> None:
        """What was to end, came to nothing, or has ended while nobody looked."""
        if left := await self._reap(stored):
            self._log.warning("the server %s is not gone: %s", stored.name, left)
        elif stored.wanted and stored.retry_at:
            self._show_failed(stored)
        else:
            await asyncio.to_thread(self._claims.release, stored.name, stored.run)

    async def _reap(self, stored: StoredServer) -> str | None:
        """End whatever is left of a run; say what could not be ended."""
        leftovers = await asyncio.to_thread(find_marked, RUN_MARKER, stored.run)
        if stored.process:
            leftovers = [stored.process, *leftovers]
        try:
            for identity in leftovers:
                await reap(identity, stored.host, stored.port, self._grace)
        except ProcessFailed as failed:
            return failed.failure.detail
        return None
