"""Servers whose saved profile was edited meanwhile: what applies at once, and what a restart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec.structs import replace as with_fields

from mlx_manager_jupyter.errors import MLXManagerError, UnknownProfile
from mlx_manager_jupyter.schema import StartServer

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import Profile, StoredServer
    from mlx_manager_jupyter.services.servers.claims import Claims
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.order import Order
    from mlx_manager_jupyter.services.servers.plan import Planner
    from mlx_manager_jupyter.services.servers.registry import Registry

#: Fields that an engine never hears of, so that an edit of them holds from that moment.
AT_ONCE = (
    "description",
    "aliases",
    "auto_start",
    "on_demand",
    "idle_unload_seconds",
    "pinned",
    "restart",
)


class Freshness:
    """Compares what runs with what is saved, whoever edited it."""

    def __init__(self, claims: Claims, registry: Registry, planner: Planner) -> None:
        self._claims = claims
        self._registry = registry
        self._planner = planner
        self._seen: dict[str, Profile | None] = {}
        """By run, the saved profile that it was last compared with."""

    async def look(self) -> None:
        """Mark the servers whose profile has changed since the last look.

        Raises:
            StoreUnusable: when nobody can say.
        """
        saved_ones = [server for server in self._registry if server.stored.profile_name]
        if not saved_ones:
            return
        profiles = await asyncio.to_thread(self._claims.profiles)
        before, self._seen = self._seen, {}
        for server in saved_ones:
            saved = profiles.get(server.stored.profile_name or "")
            self._seen[server.stored.run] = saved
            if server.alive and (
                server.stored.run not in before or before[server.stored.run] != saved
            ):
                await self._compare(server, deleted=saved is None)

    async def renamed(self, old: str, new: str) -> None:
        """The servers of this profile are those of the new name."""
        for server in self._registry:
            if server.stored.profile_name == old:
                await self._tell(server, profile_name=new)

    async def refreshed(self, order: Order) -> Order:
        """The same order by the newest saved profile; as it was if that is no more.

        Raises:
            MLXManagerError: when the profile and what the start had set don't go together any more.
        """
        if order.profile_name is None:
            return order
        wanted = StartServer(profile=order.profile_name, name=order.name, set=order.overrides)
        try:
            _, profile, _ = await self._planner.settings(wanted)
        except UnknownProfile:
            return order
        return with_fields(order, profile=profile)

    async def _compare(self, server: ManagedServer, *, deleted: bool) -> None:
        stored = server.stored
        saved = None if deleted else await self._effective(stored)
        if saved is None:  # nothing to apply; or something that can't be, as a restart will say
            server.mark(restart_to_apply=not deleted)
            return
        known = with_fields(stored.profile, **{field: getattr(saved, field) for field in AT_ONCE})
        if known != stored.profile:
            await self._tell(server, profile=known)
        server.mark(restart_to_apply=_but_for_its_name(saved) != _but_for_its_name(known))

    async def _effective(self, stored: StoredServer) -> Profile | None:
        """What a restart would run; None when that can't be said."""
        wanted = StartServer(profile=stored.profile_name, name=stored.name, set=stored.overrides)
        try:
            return (await self._planner.settings(wanted))[1]
        except MLXManagerError:
            return None

    async def _tell(self, server: ManagedServer, **facts: object) -> None:
        told = await asyncio.to_thread(self._claims.update, server.name, server.stored.run, **facts)
        if told:
            server.learn(told)


def _but_for_its_name(profile: Profile) -> Profile:
    return with_fields(profile, name="-")
