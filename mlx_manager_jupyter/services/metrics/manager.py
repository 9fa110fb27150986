"""Asks once a second, keeps what it hears, and publishes it while somebody watches."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from traitlets import Float, Int
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.schema import Metrics, MetricsSampled
from mlx_manager_jupyter.services.metrics.answer import answer
from mlx_manager_jupyter.services.metrics.counts import Counts
from mlx_manager_jupyter.services.metrics.history import FINE_SPAN, Cut, History
from mlx_manager_jupyter.services.metrics.sampler import Measured, Sampler, Used
from mlx_manager_jupyter.services.metrics.traffic import Traffic, total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.schema import Event, Memory, MetricsHistory, MetricsQuery, Server

#: Servers whose counters are kept after they are gone: most come back under the same name.
MOST_KEPT = 100

#: States in which there is nothing to be measured.
OVER = frozenset({"failed", "stopped"})

#: So old, in intervals, may a sample be that stands for now.
RECENT_SAMPLES = 5


class MetricsManager(LoggingConfigurable):
    """Samples memory, processor and traffic while there is a server, or somebody who watches."""

    interval = Float(1.0, min=0.2, help="Seconds between two samples.").tag(config=True)
    points = Int(60, min=1, help="Samples kept for the sparkline.").tag(config=True)

    def __init__(
        self,
        machine: Machine,
        pids: Callable[[], Mapping[str, Sequence[int]]],
        publish: Callable[[Event], None],
        *,
        servers: Callable[[], Iterable[Server]],
        sampled: Callable[[Metrics], None] = lambda _: None,
        **kwargs: object,
    ) -> None:
        """Hand over what it needs.

        Args:
            machine: what is measured.
            pids: gives the living processes of each server, by its name (called in a thread).
            publish: takes events.
            servers: gives the servers that there are.
            sampled: is shown every sample.
            kwargs: traits.
        """
        super().__init__(**kwargs)
        self._machine = machine
        self._pids = pids
        self._publish = publish
        self._servers = servers
        self._sampled = sampled
        self._sampler = Sampler(machine, pids)
        self._past = History(self.interval)
        self._traffic: dict[str, Traffic] = {}
        self._everybody = Counts()
        self._runs: dict[str, tuple[str, str]] = {}
        self._seen: frozenset[tuple[str, str, int | None]] = frozenset()
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._watched = False
        self._failing = False
        self.latest: Metrics | None = None
        """The last sample; old if there was nothing to sample since."""

    def open(self) -> None:
        """Begin. Without a server and a viewer it costs a look at a list once a second."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End; may be called twice, and before `open`."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def watch(self, *, watched: bool) -> None:
        """Publish while somebody watches, the first sample at once."""
        self._watched = watched
        if watched:
            self._wake.set()

    def traffic(self, server: str) -> Traffic:
        """The counters of one server, which outlive it."""
        if server not in self._traffic:
            self._traffic[server] = Traffic(self.points, self._everybody, time.monotonic())
        return self._traffic[server]

    @property
    def counted(self) -> dict[tuple[str, str, str], Traffic]:
        """The counters of servers, model and engine; of those that are gone, too."""
        return {(name, *runs): self.traffic(name) for name, runs in self._runs.items()}

    @property
    def history(self) -> dict[str, tuple[float, ...]]:
        """Tokens per second of the servers that there are, oldest first."""
        names = self.recent.servers if self.recent else ()
        return {name: tuple(self.traffic(name).history) for name in names}

    async def past(self, query: MetricsQuery) -> MetricsHistory:
        """What was sampled."""
        since = time.time() - FINE_SPAN
        if query.since is not None:
            # The wire speaks UTC; whoever leaves that out means it.
            zone = query.since.tzinfo or UTC
            since = query.since.replace(tzinfo=zone).timestamp()
        step_seconds, times, pieces = self._past.pieces(since, query.step)
        columns = {}
        for name, piece in pieces:
            columns[name] = piece
            await asyncio.sleep(0)  # let others have their turn
        cut = Cut(step_seconds, times, columns)
        memory = self.latest.memory if self.latest else (await self.now(servers=False)).memory
        return await asyncio.to_thread(answer, cut, memory.total_bytes)

    async def now(self, *, servers: bool) -> Metrics:
        """One look at the memory, and if asked at that of each server; samples are left alone."""
        names = [server.name for server in self._servers() if not _over(server)] if servers else []

        def measure() -> tuple[Memory, dict[str, int]]:
            members = self._pids() if names else {}
            there = {name: members[name] for name in names if members.get(name)}
            sizes = {name: self._machine.process_memory(pids) for name, pids in there.items()}
            return self._machine.memory(), sizes

        memory, sizes = await asyncio.to_thread(measure)
        # Shares of the processor take two looks, which samples are.
        busy = self.recent
        loads = busy.servers if busy else {}
        used = {
            name: Used(sizes.get(name), loads[name].cpu_percent if name in loads else None)
            for name in names
        }
        return self._metrics(Measured(memory, busy.cpu_percent if busy else None, used))

    @property
    def recent(self) -> Metrics | None:
        """The last sample, unless there was nothing to sample since."""
        if self.latest is None:
            return None
        age = (datetime.now(UTC) - self.latest.time).total_seconds()
        return self.latest if 0 <= age < RECENT_SAMPLES * self.interval else None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                await self._look()
                self._failing = False
            except Exception:  # the next look may be luckier, and is not far
                if not self._failing:
                    self.log.exception("the machine can't be measured")
                self._failing = True
            on_time = due <= loop.time() < due + self.interval
            due = (due if on_time else loop.time()) + self.interval
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
            self._wake.clear()

    async def _look(self) -> None:
        servers = [server for server in self._servers() if not _over(server)]
        if not servers and not self._watched:
            return
        seen = frozenset((server.name, server.state, server.pid) for server in servers)
        changed, self._seen = seen != self._seen, seen
        names = [server.name for server in servers]
        measured = await asyncio.to_thread(self._sampler.measure, names, changed=changed)
        now = time.monotonic()
        for name in names:
            self.traffic(name).sample(now)
        self._runs |= {server.name: (server.model, server.engine) for server in servers}
        self._forget(names)
        self.latest = self._metrics(measured)
        self._past.add(self.latest)
        self._sampled(self.latest)
        if self._watched:
            self._publish(MetricsSampled(metrics=self.latest))

    def _metrics(self, measured: Measured) -> Metrics:
        loads = {
            name: self.traffic(name).load(used.memory_bytes, used.cpu_percent)
            for name, used in measured.servers.items()
        }
        return Metrics(
            time=datetime.now(UTC),
            memory=measured.memory,
            cpu_percent=measured.cpu_percent,
            servers=loads,
            total=total(list(loads.values()), self._everybody),
        )

    def _forget(self, there: list[str]) -> None:
        """Forget the oldest counters of those that are gone, if they are many."""
        gone = [name for name in self._traffic if name not in there]
        for name in gone[: max(0, len(gone) - MOST_KEPT)]:
            if not self._traffic[name].busy:
                del self._traffic[name]
        self._runs = {name: runs for name, runs in self._runs.items() if name in self._traffic}


def _over(server: Server) -> bool:
    """Whether there is nothing to be measured."""
    return server.state in OVER
