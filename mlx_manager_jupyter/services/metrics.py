"""What the machine and each server do right now, sampled once a second while somebody looks."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace
from traitlets import Float, Int
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.schema import Metrics, MetricsSampled, ServerLoad

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.schema import Event, Memory, RequestRecord


class Traffic:
    """Counters of one server's requests, updated by the gateway for each token."""

    __slots__ = ("_counted_at", "_seen", "first_token_seconds", "history", "in_flight", "tokens")

    def __init__(self, points: int) -> None:
        self.in_flight = 0
        self.tokens = 0
        self.first_token_seconds: float | None = None
        self.history: deque[float] = deque(maxlen=points)
        self._seen = 0
        self._counted_at = time.monotonic()

    def ended(self, record: RequestRecord) -> None:
        """A request has ended."""

    def sample(self) -> float:
        """Tokens per second since the last sample."""
        now = time.monotonic()
        rate = (self.tokens - self._seen) / max(now - self._counted_at, 1e-3)
        self._seen, self._counted_at = self.tokens, now
        self.history.append(round(rate, 2))
        return self.history[-1]


class MetricsManager(LoggingConfigurable):
    """Samples memory and traffic; idle when nobody watches."""

    interval = Float(1.0, min=0.2, help="Seconds between two samples.").tag(config=True)
    points = Int(60, min=1, help="Samples kept for the sparkline.").tag(config=True)

    def __init__(
        self,
        machine: Machine,
        pids: Callable[[], Mapping[str, Sequence[int]]],
        publish: Callable[[Event], None],
        sampled: Callable[[Metrics], None] = lambda _: None,
        **kwargs: object,
    ) -> None:
        """Hand over what it needs.

        Args:
            machine: what is measured.
            pids: gives the living processes of each server, by its name (called in a thread).
            publish: takes events.
            sampled: is shown every sample.
            kwargs: traits.
        """
        super().__init__(**kwargs)
        self._machine = machine
        self._pids = pids
        self._publish = publish
        self._sampled = sampled
        self._traffic: dict[str, Traffic] = {}
        self._task: asyncio.Task[None] | None = None
        self.latest: Metrics | None = None

    def traffic(self, server: str) -> Traffic:
        """The counters of one server."""
        if server not in self._traffic:
            self._traffic[server] = Traffic(self.points)
        return self._traffic[server]

    @property
    def history(self) -> dict[str, tuple[float, ...]]:
        """Tokens per second by server, oldest first."""
        return {name: tuple(traffic.history) for name, traffic in self._traffic.items()}

    async def now(self, *, servers: bool) -> Metrics:
        """One look at the memory, and if asked at that of each server; samples are left alone."""
        measure = self._measure if servers else lambda: (self._machine.memory(), {})
        memory, used = await asyncio.to_thread(measure)
        latest = self.latest.servers if self.latest and self._task else {}
        loads = {
            name: replace(latest.get(name, ServerLoad()), memory_bytes=size)
            for name, size in used.items()
        }
        return Metrics(time=datetime.now(UTC), memory=memory, servers=loads)

    def watch(self, *, watched: bool) -> None:
        """Sample while somebody watches, and only then."""
        if watched and self._task is None:
            self._task = asyncio.create_task(self._run())
        elif not watched and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            self.latest = await self._sample()
            self._publish(MetricsSampled(metrics=self.latest))
            self._sampled(self.latest)
            await asyncio.sleep(self.interval)

    async def _sample(self) -> Metrics:
        memory, used = await asyncio.to_thread(self._measure)
        for gone in self._traffic.keys() - used.keys():
            if not self._traffic[gone].in_flight:
                del self._traffic[gone]
        loads = {
            name: ServerLoad(
                memory_bytes=size,
                in_flight=self.traffic(name).in_flight,
                tokens_per_second=self.traffic(name).sample(),
                first_token_seconds=self.traffic(name).first_token_seconds,
            )
            for name, size in used.items()
        }
        return Metrics(time=datetime.now(UTC), memory=memory, servers=loads)

    def _measure(self) -> tuple[Memory, dict[str, int]]:
        sizes = {name: self._machine.process_memory(pids) for name, pids in self._pids().items()}
        return self._machine.memory(), sizes
