"""Profiles that come up with Jupyter: some at a time, and none stands in another's way."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import MLXManagerError, StoreUnusable
from mlx_manager_jupyter.schema import StartServer, StoredServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from logging import Logger

    from mlx_manager_jupyter.schema import Identity, Profile, Server
    from mlx_manager_jupyter.services.servers.claims import Claims
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.registry import Registry

#: Seconds between two looks whether one has come up, so that the next may begin.
PAUSE = 0.2
#: Stands for the port of what never got one.
NO_PORT = 1


class AutoStart:
    """Starts what wants to be started; whoever runs already is left as it is."""

    def __init__(
        self,
        claims: Claims,
        registry: Registry,
        start: Callable[[StartServer], Awaitable[tuple[Server, bool]]],
        make: Callable[[StoredServer], ManagedServer],
        *,
        me: Identity,
        at_once: int,
        log: Logger,
    ) -> None:
        """Hand over what it needs.

        Args:
            claims: has the saved profiles.
            registry: knows what runs.
            start: as a person would.
            make: gives the object for what is stored.
            me: the extension that this is.
            at_once: so many load at a time.
            log: for what happens unasked.
        """
        self._claims = claims
        self._registry = registry
        self._start = start
        self._make = make
        self._me = me
        self._at_once = at_once
        self._log = log

    async def run(self) -> None:
        """Start the pinned ones first, then by name; returns when all are up, or have failed."""
        try:
            saved = await asyncio.to_thread(self._claims.profiles)
        except StoreUnusable as error:
            self._log.warning("%s", error)
            return
        waiting = iter(in_order(saved.values()))

        async def work() -> None:
            for profile in waiting:  # each takes the next from the same iterator
                await self._see_to(profile)

        await asyncio.gather(*(work() for _ in range(self._at_once)))

    async def _see_to(self, profile: Profile) -> None:
        name = profile.name
        known = self._registry.find(name)
        if known and known.alive:
            return
        try:
            server, started = await self._start(StartServer(profile=name))
        except MLXManagerError as error:
            self._log.warning("the profile %s could not be started with Jupyter: %s", name, error)
            await self._show(profile, error)
            return
        if started:
            self._log.info("started the profile %s with Jupyter", name)
        while self._is_coming_up(server.name):  # noqa: ASYNC110  nothing to wait for but its state
            await asyncio.sleep(PAUSE)

    async def _show(self, profile: Profile, error: MLXManagerError) -> None:
        """Nobody waits for an answer: so it is listed as a server that failed."""
        failed = StoredServer(
            name=profile.name,
            run=secrets.token_hex(8),
            profile=profile,
            profile_name=profile.name,
            engine="mlx-lm" if profile.engine == "auto" else profile.engine,
            argv=(),
            host=profile.host,
            port=profile.port or NO_PORT,
            log="",
            keep=False,
            wanted=True,
            owner=self._me,
            error=error.problem,
        )
        try:
            await asyncio.to_thread(self._claims.put_back, failed)
        except StoreUnusable:
            return
        if self._registry.find(profile.name) is None:
            server = self._make(failed)
            self._registry.show(server)
            server.fail(error.problem)

    def _is_coming_up(self, name: str) -> bool:
        server = self._registry.find(name)
        return server is not None and server.alive and not server.ready


def in_order(profiles: Iterable[Profile]) -> list[Profile]:
    """Those that want to be started, in the order of their turn."""
    wanted = (profile for profile in profiles if profile.auto_start)
    return sorted(wanted, key=lambda each: (not each.pinned, each.name.casefold()))
