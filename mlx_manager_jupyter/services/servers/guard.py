"""No server starts that the memory has no room for: others make room first, or it is refused."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from mlx_manager_jupyter.errors import MLXManagerError, StoreUnusable
from mlx_manager_jupyter.services.servers.look import look
from mlx_manager_jupyter.services.servers.refusal import refusal, room_in, tight
from mlx_manager_jupyter.services.servers.room import Admit, Evict, Refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from logging import Logger

    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.schema import Alternative, Profile, StoredServer
    from mlx_manager_jupyter.services.models.need import Need
    from mlx_manager_jupyter.services.servers.claims import Claims
    from mlx_manager_jupyter.services.servers.look import Look
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.room import Judge

#: Seconds that a server which is being ended may take before nobody waits for its memory.
LEAVING_SECONDS = 20.0

#: Seconds after the end of a process in which the system may still count its memory as used, and
#: macOS may still speak of pressure.
SETTLING_SECONDS = 3.0

#: Seconds in which other extensions have read what is in the store, and written what they know:
#: they look once a second (`ServerManager.sync_interval`, `IdleWatch`).
QUIET_SECONDS = 2.5

#: Seconds between two looks while waiting for either.
PAUSE = 0.1

UNKNOWN = "The memory was not checked: nobody can say how much it needs."


class Plans(Struct, frozen=True):
    """What is known of the memory that models take."""

    need: Callable[[Profile], Awaitable[Need | None]]
    """Of a profile; None if nobody can say."""
    smaller: Callable[[Profile, int], Awaitable[Alternative | None]]
    """The best smaller build of its model that needs less than so many bytes."""
    judge: Judge
    """Whether so many bytes fit into so many that are free."""


class MemoryGuard:
    """Lets servers start one after the other, each against the memory that is free by then.

    What is planned for a server that was let in is written in the store, and counts, less what it
    holds already, until it is ready: other starts see it, those of other Jupyter servers too.
    """

    def __init__(
        self,
        plans: Plans,
        *,
        claims: Claims,
        machine: Machine,
        servers: Callable[[], Iterable[ManagedServer]],
        unload: Callable[[str, datetime], Awaitable[bool]],
        log: Logger,
    ) -> None:
        """Hand over what it needs.

        Args:
            plans: what models take.
            claims: what the store says of servers.
            machine: whose memory it is.
            servers: those that this extension knows.
            unload: ends one, verified, unless it was used since then; says whether it is gone.
            log: hears of what was ended, and of force.
        """
        self._plans = plans
        self._claims = claims
        self._machine = machine
        self._servers = servers
        self._unload = unload
        self._log = log
        # Whoever comes later finds what was made free for an earlier one taken.
        self._one_at_a_time = asyncio.Lock()

    async def admit(self, claimed: StoredServer) -> StoredServer:
        """Make room for a server whose name was claimed; return it with what was planned for it.

        Whatever is raised, the claim is released.

        Raises:
            NotEnoughMemory: with the numbers, and what could be done.
        """
        try:
            return await self._admit(claimed)
        except BaseException:
            with suppress(StoreUnusable):  # the first error is the one to tell
                await asyncio.to_thread(self._claims.release, claimed.name, claimed.run)
            raise

    async def _admit(self, claimed: StoredServer) -> StoredServer:
        if claimed.engine == "remote":
            return claimed
        need = await self._plans.need(claimed.profile)
        if need is None:
            return await self._with(claimed, note=UNKNOWN)
        async with self._one_at_a_time:
            return await self._make_room(claimed, need)

    async def _make_room(self, claimed: StoredServer, need: Need) -> StoredServer:
        clock = asyncio.get_running_loop().time
        patience, settled, given_back = clock() + LEAVING_SECONDS, 0.0, 0
        while True:
            patient = clock() < patience
            seen = await self._look(claimed, need, given_back=given_back, patient=patient)
            if isinstance(seen.decision, Admit):
                return self._planned(claimed, need, seen)
            freed = 0
            if clock() >= settled:
                if isinstance(seen.decision, Refuse):
                    return await self._refuse(claimed, need, seen)
                if isinstance(seen.decision, Evict):
                    freed = await self._end(claimed, seen.decision, seen)
                    if not (freed or patient):  # each time somebody else is at them
                        return await self._refuse(claimed, need, seen)
            if freed:
                given_back += freed
                patience, settled = clock() + LEAVING_SECONDS, clock() + SETTLING_SECONDS
            else:
                await asyncio.sleep(PAUSE)

    async def _look(self, claimed: StoredServer, need: Need, **options: Any) -> Look:
        """Look and, if it fits, have it written with nobody between."""
        known = {server.stored.run: server for server in self._servers()}
        seen: list[Look] = []

        def weigh(others: list[StoredServer]) -> dict[str, object]:
            needed, judge = need.total_bytes, self._plans.judge
            seen.append(look(needed, others, known, self._machine, judge, **options))
            admitted = isinstance(seen[0].decision, Admit)
            return self._facts(need, seen[0]) if admitted else {}

        await asyncio.to_thread(self._claims.plan, claimed.name, claimed.run, weigh)
        return seen[0]

    def _facts(self, need: Need, seen: Look) -> dict[str, object]:
        decision = seen.decision
        is_tight = isinstance(decision, Admit) and decision.verdict == "tight"
        return {"needed_bytes": need.total_bytes, "note": tight(need, seen) if is_tight else None}

    def _planned(self, claimed: StoredServer, need: Need, seen: Look) -> StoredServer:
        return replace(claimed, **self._facts(need, seen))

    async def _end(self, claimed: StoredServer, decision: Evict, seen: Look) -> int:
        """End them all at once; return what those held that were really ended."""
        held = {each.name: each.held_bytes for each in seen.candidates}
        going = [server for server in self._servers() if server.name in decision.names]
        gone = await asyncio.gather(*(self._leaves(server, claimed.name) for server in going))
        return sum(held[name] for name in gone if name)

    async def _leaves(self, server: ManagedServer, successor: str) -> str | None:
        """The name of one that was ended; None if it is needed after all."""
        name, now, gone = server.name, datetime.now(UTC), False
        try:
            announced = await self._announce(server)
            try:
                gone = await self._unload(name, now)
            finally:
                if announced and not gone:
                    await self._tell(server, leaving_until=None)
        except MLXManagerError as error:
            self._log.warning("%s could not make room: %s", name, error)
        if gone:
            self._log.info("the server %s was ended to make room for %s", name, successor)
        return name if gone else None

    async def _announce(self, server: ManagedServer) -> bool:
        """Let other extensions send it no more requests, and tell of those that they did send."""
        if not await asyncio.to_thread(self._claims.shared):
            return False
        until = datetime.now(UTC) + timedelta(seconds=2 * QUIET_SECONDS + LEAVING_SECONDS)
        await self._tell(server, leaving_until=until)
        await asyncio.sleep(QUIET_SECONDS)
        return True

    async def _tell(self, server: ManagedServer, **facts: object) -> None:
        name, run = server.name, server.stored.run
        if known := await asyncio.to_thread(self._claims.update, name, run, **facts):
            server.learn(known)

    async def _refuse(self, claimed: StoredServer, need: Need, seen: Look) -> StoredServer:
        smaller = None
        if not claimed.force:
            smaller = await self._plans.smaller(claimed.profile, room_in(seen, self._plans.judge))
        error = refusal(claimed.name, need, seen, self._plans.judge, smaller)
        if not claimed.force:
            raise error
        self._log.warning("started by force: %s", error.message)
        note = f"Started by force. {error.message}"
        return await self._with(claimed, needed_bytes=need.total_bytes, note=note)

    async def _with(self, claimed: StoredServer, **facts: object) -> StoredServer:
        await asyncio.to_thread(self._claims.update, claimed.name, claimed.run, **facts)
        return replace(claimed, **facts)
