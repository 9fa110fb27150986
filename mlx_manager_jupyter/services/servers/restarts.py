"""Starting again what failed: when its time has come, and by its owner alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace as with_fields

from mlx_manager_jupyter.errors import MLXManagerError, NotReady, PortTaken, StoreUnusable
from mlx_manager_jupyter.services.servers.order import successor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager
    from logging import Logger

    from mlx_manager_jupyter.schema import Identity, Problem, StoredServer
    from mlx_manager_jupyter.services.servers.claims import Claims
    from mlx_manager_jupyter.services.servers.launcher import Launcher
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.order import Order
    from mlx_manager_jupyter.services.servers.policy import RestartPolicy
    from mlx_manager_jupyter.services.servers.registry import Registry

#: How often a server may lose its port to another program before that is a failure.
PORT_TRIES = 3


class Restarts:
    """Hears of every failure, and minds what is to be started again."""

    def __init__(
        self,
        claims: Claims,
        registry: Registry,
        launcher: Launcher,
        policy: RestartPolicy,
        *,
        me: Identity,
        lock: Callable[[str], AbstractAsyncContextManager[None]],
        refreshed: Callable[[Order], Awaitable[Order]],
        caught_up: Callable[[], Awaitable[None]],
        log: Logger,
    ) -> None:
        """Hand over what it needs.

        Args:
            claims: intent and facts in the store.
            registry: knows what runs.
            launcher: starts things.
            policy: says whether and when.
            me: the extension that this is.
            lock: of a name.
            refreshed: gives the same order by the newest saved profile.
            caught_up: looks at what other extensions did.
            log: for what happens unasked.
        """
        self._claims = claims
        self._registry = registry
        self._launcher = launcher
        self._policy = policy
        self._me = me
        self._lock = lock
        self._refreshed = refreshed
        self._caught_up = caught_up
        self._log = log
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Start nothing more; a start that is under way is refused by the launcher."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    async def failed(self, server: ManagedServer, problem: Problem) -> None:
        """A process ended unasked: say what that means, to the world and for the time to come."""
        if self._mine(server) and await self._found_another_port(server, problem):
            return
        ready_at = server.stored.ready_at

        def decide(stored: StoredServer) -> StoredServer:
            known = with_fields(stored, ready_at=stored.ready_at or ready_at)
            return self._policy.after_failure(known, problem)

        fate: StoredServer | None = with_fields(server.stored, error=problem, retry_at=None)
        with self._launcher.despite_the_store():
            fate = await asyncio.to_thread(
                self._claims.failed, server.stored.run, server.name, decide
            )
        if self._registry.find(server.name) is not server:
            return
        if fate is None:  # it was stopped, or replaced, by another extension
            server.let_go()
            self._registry.forget(server)
            with self._launcher.despite_the_store():
                await self._caught_up()
            return
        server.stored = fate
        told = fate.error or problem
        self._log.warning("the server %s failed: %s", server.name, told.message)
        server.fail(told)
        self.mind(server)

    def mind(self, server: ManagedServer) -> None:
        """See to one that failed, if that is our business: decide, or start it in its time."""
        stored, problem = server.stored, server.problem
        if self._launcher.closed or not self._mine(server) or problem is None:
            return
        if stored.error is None and stored.wanted:  # its owner was killed before it could decide
            self._spawn(self.failed(server, problem))
        elif stored.retry_at is not None:
            self._set_timer(server, stored.retry_at)

    def _set_timer(self, server: ManagedServer, due: datetime) -> None:
        if timer := self._timers.pop(server.name, None):
            timer.cancel()
        wait = max(0.0, (due - datetime.now(UTC)).total_seconds())
        loop = asyncio.get_running_loop()
        self._timers[server.name] = loop.call_later(wait, lambda: self._spawn(self._retry(server)))

    def _mine(self, server: ManagedServer) -> bool:
        return server.stored.owner == self._me

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _retry(self, server: ManagedServer) -> None:
        async with self._lock(server.name):
            wanted = self._registry.find(server.name) is server and server.will_retry
            if self._launcher.closed or not wanted or not self._mine(server):
                return
            order = successor(server.stored, restarts=server.stored.restarts + 1)
            self._log.info("starting the server %s again", server.name)
            try:
                await self._launcher.place(await self._refreshed(order))
            except NotReady:  # it was stopped, or replaced, by another extension; or we close
                self._registry.forget(server)
            except StoreUnusable as error:
                self._log.warning("%s", error)
                due = datetime.now(UTC) + timedelta(seconds=self._policy.longest_delay)
                server.stored = with_fields(server.stored, retry_at=due)
                self.mind(server)
            except MLXManagerError as error:
                await self.came_to_nothing(server, error)

    async def came_to_nothing(self, server: ManagedServer, error: MLXManagerError) -> None:
        """Its successor can't be started: the name means the old one again, which has failed."""
        failed = with_fields(
            server.stored, error=error.problem, retry_at=None, wanted=True, owner=self._me
        )
        with self._launcher.despite_the_store():
            await asyncio.to_thread(self._claims.put_back, failed)
        server.stored = failed
        self._registry.put_back(server)
        server.fail(error.problem)

    async def _found_another_port(self, server: ManagedServer, problem: Problem) -> bool:
        """Start again elsewhere when another program was quicker: engines bind seconds after us.

        True when there is nothing left to say about the old process.
        """
        old = server.stored
        lost = server.lost_ports | {old.port}
        fixed = old.profile.port is not None
        if problem.code != PortTaken.code or fixed or len(lost) > PORT_TRIES:
            return False
        async with self._lock(server.name):
            if self._registry.find(server.name) is not server:
                return True
            self._log.info("%s lost port %s to another program", server.name, old.port)
            order = successor(old, restarts=old.restarts)
            try:
                await self._launcher.place(order, lost)
            except NotReady:
                self._registry.forget(server)
            except MLXManagerError:
                self._registry.put_back(server)
                return False
            return True
