"""The way of one request to its turn at a server that answers: at once, or after waiting."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from mlx_manager_jupyter.services.gateway.fields import value
from mlx_manager_jupyter.services.gateway.turns import Limits, Turnstile

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from mlx_manager_jupyter.services.gateway.account import Account
    from mlx_manager_jupyter.services.gateway.arrivals import Arrival, Arrivals
    from mlx_manager_jupyter.services.gateway.asked import Asked
    from mlx_manager_jupyter.services.gateway.fields import Fields
    from mlx_manager_jupyter.services.gateway.names import Place
    from mlx_manager_jupyter.services.gateway.turns import Turn
    from mlx_manager_jupyter.services.metrics import Traffic
    from mlx_manager_jupyter.services.servers import ManagedServer

#: Seconds; LM Studio's clients send the same under the same name.
_Ttl = Annotated[float, Meta(ge=0.0)]


class Rules(Struct, frozen=True, kw_only=True):
    """How many may wait, and how they are told; see the traits of `Gateway`."""

    at_once: int
    waiting: int
    patience: float | None
    starting: int
    notice_seconds: float

    def limits(self, server: ManagedServer) -> Limits:
        """Of one server: what its profile says, or else what holds for all."""
        profile = server.stored.profile
        at_once = profile.decode_concurrency or profile.max_concurrency or self.at_once
        return Limits(at_once, profile.queue_size or self.waiting)


class Waiting:
    """Where requests wait, shared by all."""

    def __init__(self, rules: Rules, arrivals: Arrivals, traffic: Callable[[str], Traffic]) -> None:
        self.rules = rules
        self.arrivals = arrivals
        self.traffic = traffic
        # By server name: an engine that was started again goes on where the old one was.
        self._turnstiles: dict[str, Turnstile] = {}

    def enter(self, server: ManagedServer, asked: Asked) -> Turn:
        """Take a turn at a server.

        Raises:
            QueueFull: when as many wait as may.
        """
        caller = asked.key.id if asked.key else ""
        return self.turnstile(server).enter(caller, asked.lane, self.rules.limits(server))

    def turnstile(self, server: ManagedServer) -> Turnstile:
        """Of a server."""
        if server.name not in self._turnstiles:
            self._turnstiles[server.name] = Turnstile(self.rules.limits(server))
        return self._turnstiles[server.name]


class Admission:
    """Try `at_once`, else go through `notices`; `end` it in any case, at any time."""

    def __init__(
        self, place: Place, asked: Asked, waiting: Waiting, account: Account, ttl: float | None
    ) -> None:
        """Hand over what it needs.

        Args:
            place: where it is to go.
            asked: whose request it is, and in which lane.
            waiting: where it may have to wait.
            account: hears how long it did.
            ttl: seconds after this request in which the server stays; None if it does not say.
        """
        self.place = place
        self._asked = asked
        self._waiting = waiting
        self._account = account
        self._ttl = ttl
        self._server: ManagedServer | None = None
        self._arrival: Arrival | None = None
        self._turn: Turn | None = None
        self._traffic: Traffic | None = None

    @property
    def server(self) -> ManagedServer | None:
        """Which it is, or is about to be; None while there is none."""
        coming = self._arrival.known if self._arrival else None
        return self._server or coming or self.place.server

    @property
    def traffic(self) -> Traffic:
        """The counters of the server."""
        return self._traffic or self._waiting.traffic(self.place.name)

    def at_once(self) -> bool:
        """Whether it needs no waiting: then its turn has come.

        Raises:
            QueueFull: when as many wait as may.
        """
        server = self.place.server
        if server is None or not server.ready:
            return False
        self._use(server)
        self._turn = turn = self._waiting.enter(server, self._asked)
        return turn.going and self._goes(server)

    async def notices(self) -> AsyncGenerator[bytes]:
        """Wait for the server and for the turn; says now and then what for, as SSE comments.

        Raises:
            MLXManagerError: why there will be none.
        """
        rules, may_start = self._waiting.rules, True
        while True:
            server = self.server
            if server is None or not server.ready:
                arrival = self._waiting.arrivals.of(self.place, may_start=may_start)
                arrival.enter(rules.starting)
                self._arrival = arrival
                try:
                    with self._counted("load_seconds"):
                        while not await arrival.wait(rules.notice_seconds):
                            # With the first comment go the headers, which say who will answer.
                            if self.server:
                                yield _comment(arrival.notice())
                    self._use(arrival.server())
                finally:
                    self._account.server = arrival.known or self._account.server
                    arrival.leave()
                may_start = False  # if it goes away again, somebody wants that
                continue
            self._turn = turn = self._turn or self._waiting.enter(server, self._asked)
            with self._counted("queue_seconds"):
                since = monotonic()
                while not await self._comes(turn, server, since):
                    ahead = self._waiting.turnstile(server).ahead(self._asked.lane)
                    yield _comment(f"{server.name} is busy, {ahead} requests wait")
            if self._goes(server):
                return
            turn.end()
            self._turn = None

    def end(self) -> None:
        """Make room for the next. Later calls change nothing."""
        if self._traffic:
            self._traffic.in_flight -= 1
            self._traffic = None
        if self._turn:
            self._turn.end()
        self._use(None)

    async def _comes(self, turn: Turn, server: ManagedServer, since: float) -> bool:
        """Wait for a turn until something is to be said; whether it has come.

        Raises:
            QueueFull: when it did not come in the time that the profile gives it.
        """
        if turn.called is None:
            return True
        rules = self._waiting.rules
        pause, allowed = rules.notice_seconds, server.stored.profile.queue_timeout or rules.patience
        left = pause if allowed is None else since + allowed - monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left, pause)):
                await turn.called.wait()
        came = turn.called.is_set()
        if not came and allowed is not None and left <= pause:
            message = f"Its turn did not come within {allowed:g} s."
            raise self._waiting.turnstile(server).full(message, self._asked.lane)
        return came

    def _goes(self, server: ManagedServer) -> bool:
        """Begin, unless it failed or was stopped while this waited for its turn."""
        if not server.ready:
            return False
        self._traffic = traffic = self._waiting.traffic(server.name)
        traffic.in_flight += 1
        if self._ttl is not None and self._ttl != server.idle_unload_seconds:
            server.use.ttl = self._ttl
        return True

    def _use(self, server: ManagedServer | None) -> None:
        """Whoever waits uses it already: it is not ended for want of use."""
        before, self._server = self._server, server
        if server:
            self._account.server = server
            server.use.begin()
        if before:
            before.use.end()

    @contextmanager
    def _counted(self, what: Literal["load_seconds", "queue_seconds"]) -> Iterator[None]:
        """While it waits it is counted, and so is the time."""
        traffic, began = self._waiting.traffic(self.place.name), monotonic()
        traffic.queued += 1
        try:
            yield
        finally:
            traffic.queued -= 1
            waited = getattr(self._account, what) + monotonic() - began
            setattr(self._account, what, waited)


def take_ttl(fields: Fields) -> float | None:
    """Take out how long the server is to stay after this request, which no engine understands.

    Raises:
        BadRequest: when it is no number of seconds.
    """
    ttl: float | None = value(fields, "ttl", _Ttl | None)
    fields.pop("ttl", None)
    return ttl


def _comment(words: str) -> bytes:
    """Clients of event streams pass over it; people who look at the wire don't."""
    return f": {words}\n\n".encode()
