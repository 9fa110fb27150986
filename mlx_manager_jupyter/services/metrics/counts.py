"""What is known of the requests that have ended."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import RequestRecord

#: Upper ends in seconds, for Prometheus: from a cached prompt on a small model to a long one on a
#: large model. The last bucket, of whatever took longer, has no end.
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)

#: Requests that percentiles are of.
LATEST = 100


class Counts:
    """Of one server, or of all: totals since the extension started, and the latest first tokens."""

    __slots__ = (
        "_latest",
        "_spread",
        "buckets",
        "errors",
        "first_token_sum",
        "prompt_tokens",
        "requests",
        "tokens",
    )

    def __init__(self) -> None:
        self.requests = 0
        self.errors: Counter[str] = Counter()
        """By code. A client that left before the end is none."""
        self.tokens = 0
        self.prompt_tokens = 0
        self.buckets = [0] * (len(BUCKETS) + 1)
        """How many first tokens came within each of `BUCKETS`, and not within the one before."""
        self.first_token_sum = 0.0
        self._latest: deque[float] = deque(maxlen=LATEST)
        self._spread: tuple[float, float] | None = None

    def add(self, record: RequestRecord) -> None:
        """Count one more."""
        self.requests += 1
        self.tokens += record.completion_tokens or 0
        self.prompt_tokens += record.prompt_tokens or 0
        if record.error is not None:
            self.errors[record.error] += 1
        if (seconds := record.first_token_seconds) is not None:
            self.buckets[bisect_left(BUCKETS, seconds)] += 1
            self.first_token_sum += seconds
            self._latest.append(seconds)
            self._spread = None

    @property
    def first_token(self) -> tuple[float, float] | tuple[None, None]:
        """Seconds within which half, and 95 of 100, of the latest first tokens came."""
        if not self._latest:
            return None, None
        if self._spread is None:
            ordered = sorted(self._latest)
            self._spread = _nearest(ordered, 0.5), _nearest(ordered, 0.95)
        return self._spread


def _nearest(ordered: list[float], share: float) -> float:
    """The smallest value that is not exceeded by that share of all (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
