"""Servers that are on their way, and the requests that wait for them: one start for all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import (
    MLXManagerError,
    NameTaken,
    NotEnoughMemory,
    NotReady,
    QueueFull,
    StartFailed,
)
from mlx_manager_jupyter.schema import StartServer

if TYPE_CHECKING:
    from logging import Logger

    from mlx_manager_jupyter.schema import Problem, Server
    from mlx_manager_jupyter.services.gateway.names import Place
    from mlx_manager_jupyter.services.servers import ManagedServer, ServerManager

#: Seconds between two looks at one that is on its way: a few microseconds each.
PAUSE = 0.02
#: Seconds after which to try again when too many wait, at least and at most.
SOONEST, LATEST = 1.0, 30.0
#: From this status on it is not the client's fault.
SERVER_ERROR = 500


class Arrival:
    """One server that is on its way. It comes though nobody waits for it any more."""

    def __init__(self, arrivals: Arrivals, place: Place, *, may_start: bool) -> None:
        self.name = place.name
        self.waiting = 0
        self.task = asyncio.create_task(arrivals.come(self, place, may_start=may_start))
        self._began = monotonic()
        self._server: ManagedServer | None = None
        self._held: ManagedServer | None = None

    def enter(self, at_most: int) -> None:
        """One more waits; it must `leave`.

        Raises:
            QueueFull: when so many wait already.
        """
        if self.waiting >= at_most:
            message = f"{self.waiting} requests wait for {self.name} to start."
            error = QueueFull(message, "Try again when it has started.")
            # What has taken so long already, will about as long again.
            error.retry_after = min(max(SOONEST, monotonic() - self._began), LATEST)
            raise error
        self.waiting += 1
        self._hold()

    def leave(self) -> None:
        """One waits no more, because it came or because it left."""
        self.waiting -= 1
        self._hold()

    async def wait(self, seconds: float) -> bool:
        """Wait at most so long; whether it has come, or never will. Leaving does nothing to it."""
        await asyncio.wait({self.task}, timeout=seconds)
        return self.task.done()

    def server(self) -> ManagedServer:
        """What has come.

        Raises:
            MLXManagerError: why it never will.
        """
        if self.task.cancelled():
            raise _stopping()
        if error := self.task.exception():
            raise _again(error) if isinstance(error, MLXManagerError) else error
        return self.task.result()

    def seen(self, server: ManagedServer | None) -> None:
        """What its name means now."""
        self._server = server
        self._hold()

    @property
    def known(self) -> ManagedServer | None:
        """What its name means so far."""
        return self._server

    def notice(self) -> str:
        """How far it is, in words."""
        record = self._server.record() if self._server else None
        if record and record.state == "failed":
            return f"{self.name} failed and is started again"
        progress = record.progress if record else None
        if progress and progress.done_bytes and progress.total_bytes:
            share = min(progress.done_bytes / progress.total_bytes, 1.0)
            return f"loading {self.name}, {share:.0%}".replace("%", " %")
        return f"loading {self.name}"

    def _hold(self) -> None:
        """Whoever waits for it uses it already: it is not ended for want of use."""
        wanted = self._server if self.waiting else None
        if wanted is self._held:
            return
        if wanted:
            wanted.use.begin()
        if self._held:
            self._held.use.end()
        self._held = wanted


class Arrivals:
    """Brings servers about that requests ask for, each once for all who ask."""

    def __init__(self, servers: ServerManager, *, retry_failed_seconds: float, log: Logger) -> None:
        """Hand over what it needs.

        Args:
            servers: starts them.
            retry_failed_seconds: after so long one that failed may be started again.
            log: for what happens unasked.
        """
        self._servers = servers
        self._cool_down = timedelta(seconds=retry_failed_seconds)
        self._log = log
        self._arrivals: dict[str, Arrival] = {}
        self._closed = False

    def of(self, place: Place, *, may_start: bool) -> Arrival:
        """The arrival of this place's server.

        Args:
            place: where it is to be.
            may_start: start it if it is not there; else it is only waited for.

        Raises:
            NotReady: when this extension ends.
        """
        if self._closed:
            raise _stopping()
        arrival = self._arrivals.get(place.name)
        if arrival is None:
            arrival = self._arrivals[place.name] = Arrival(self, place, may_start=may_start)
            arrival.task.add_done_callback(lambda _: self._ended(arrival))
        return arrival

    async def close(self) -> None:
        """Bring nothing about any more; whoever waits is told."""
        self._closed = True
        tasks = [arrival.task for arrival in self._arrivals.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def come(self, arrival: Arrival, place: Place, *, may_start: bool) -> ManagedServer:
        """Wait until it is ready, and start it if nobody does.

        Raises:
            MLXManagerError: why it never will be.
        """
        tried = False
        while True:
            server = self._servers.known(place.name)
            arrival.seen(server)
            if server is not None and server.ready:
                return server
            # If one that starts fails, or goes away, that is told and not tried once more.
            tried = tried or (server is not None and _starts(server))
            if self._servers.busy(place.name) or (server is not None and not server.ended):
                await asyncio.sleep(PAUSE)
            elif server is not None and server.problem:
                if tried:
                    raise MLXManagerError.of(server.problem)
                tried = await self._after_failure(server, server.problem, may_start=may_start)
            elif may_start and not tried and place.profile_name:
                tried = True
                await self._start(place.profile_name)
            else:
                again = place.profile_name or place.profile.model
                raise NotReady(f"{place.name!r} was stopped.", f"Start it: %mlx_serve {again}")

    async def _start(self, profile: str) -> None:
        try:
            server, started = await self._servers.start(StartServer(profile=profile))
        except NameTaken:
            known = self._servers.known(profile)
            if known is None or known.ended:
                raise
        else:
            self._say(server, started=started)

    async def _after_failure(
        self, server: ManagedServer, problem: Problem, *, may_start: bool
    ) -> bool:
        """Let the one who minds it start it again, or do so; whether it was done here.

        Raises:
            MLXManagerError: why it failed, if nobody is to start it again.
        """
        if _retried(server):
            await asyncio.sleep(PAUSE)
            return False
        stored, now = server.stored, datetime.now(UTC)
        cool = not stored.failures or now - stored.failures[-1] >= self._cool_down
        if not (may_start and cool and stored.profile.on_demand) or stored.base_url:
            raise MLXManagerError.of(problem)
        self._say(await self._servers.restart(server.name), started=True)
        return True

    def _say(self, server: Server, *, started: bool) -> None:
        if started:
            self._log.info("started the server %s: a request asked for it", server.name)

    def _ended(self, arrival: Arrival) -> None:
        if self._arrivals.get(arrival.name) is arrival:
            del self._arrivals[arrival.name]
        if arrival.task.cancelled():
            return
        error = arrival.task.exception()
        if error and not arrival.waiting:  # else there is somebody to be told
            self._log.warning("%s did not start on request: %s", arrival.name, error)


def _starts(server: ManagedServer) -> bool:
    """Whether it starts or loads, rather than being ended."""
    return server.alive and server.stored.ready_at is None


def _retried(server: ManagedServer) -> bool:
    """Whether it is to be started again; somebody else's machine is only asked again."""
    return server.will_retry and not server.stored.base_url


def _stopping() -> NotReady:
    return NotReady("This Jupyter server is stopping.", "Ask one that stays.")


def _again(error: MLXManagerError) -> MLXManagerError:
    """The same for one of several who are told: not their fault, whatever it is."""
    told = MLXManagerError.of(error.problem)
    told.retry_after = error.retry_after
    if error.status < SERVER_ERROR:
        told.status = NotReady.status if isinstance(error, NotEnoughMemory) else StartFailed.status
    return told
