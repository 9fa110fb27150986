"""What the gateway tells of one server's requests."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mlx_manager_jupyter.schema import ServerLoad
from mlx_manager_jupyter.services.metrics.counts import Counts

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import RequestRecord


class Traffic:
    """Counters of one server's requests: plain attributes, bumped on the loop for each token."""

    __slots__ = (
        "_all",
        "_counted_at",
        "_seen",
        "counts",
        "first_token_seconds",
        "history",
        "in_flight",
        "queued",
        "tokens",
    )

    def __init__(self, points: int, everybody: Counts, now: float) -> None:
        """Begin with nothing.

        Args:
            points: how many samples of its rate are kept.
            everybody: counts along.
            now: a monotonic clock's seconds.
        """
        self.in_flight = 0
        self.queued = 0
        self.tokens = 0
        """That came so far, those of answers that go on included."""
        self.first_token_seconds: float | None = None
        self.history: deque[float] = deque(maxlen=points)
        self.counts = Counts()
        self._all = everybody
        self._seen = 0
        self._counted_at = now

    @property
    def busy(self) -> bool:
        """Whether a request is under way, or waits."""
        return bool(self.in_flight or self.queued)

    def ended(self, record: RequestRecord) -> None:
        """A request has ended, however."""
        self.counts.add(record)
        self._all.add(record)

    def sample(self, now: float) -> None:
        """Note the rate since the last sample."""
        rate = (self.tokens - self._seen) / max(now - self._counted_at, 1e-3)
        self._seen, self._counted_at = self.tokens, now
        self.history.append(round(rate, 2))

    def load(self, memory_bytes: int | None, cpu_percent: float | None) -> ServerLoad:
        """What is known of the server now; its rate is that of the last sample."""
        median, most = self.counts.first_token
        return ServerLoad(
            memory_bytes=memory_bytes,
            cpu_percent=cpu_percent,
            in_flight=self.in_flight,
            queued=self.queued,
            tokens_per_second=self.history[-1] if self.history else 0.0,
            first_token_seconds=self.first_token_seconds,
            first_token_p50=median,
            first_token_p95=most,
            requests=self.counts.requests,
            errors=self.counts.errors.total(),
            tokens=self.counts.tokens,
        )


def total(loads: list[ServerLoad], everybody: Counts) -> ServerLoad:
    """What all servers do together; ``everybody`` also counted those that are gone."""
    median, most = everybody.first_token
    memory = [load.memory_bytes for load in loads if load.memory_bytes is not None]
    shares = [load.cpu_percent for load in loads if load.cpu_percent is not None]
    return ServerLoad(
        memory_bytes=sum(memory),
        cpu_percent=round(sum(shares), 1) if shares else None,
        in_flight=sum(load.in_flight for load in loads),
        queued=sum(load.queued for load in loads),
        tokens_per_second=round(sum(load.tokens_per_second for load in loads), 2),
        first_token_p50=median,
        first_token_p95=most,
        requests=everybody.requests,
        errors=everybody.errors.total(),
        tokens=everybody.tokens,
    )
