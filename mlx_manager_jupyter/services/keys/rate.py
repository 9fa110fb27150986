"""How often something may be done: a bucket that fills all the time."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE = 60.0


class Rate:
    """So many a minute: all of them at once after a quiet minute, then one by one."""

    __slots__ = ("_at", "_clock", "_left", "_most", "_per_second")

    def __init__(self, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._most = self._left = float(per_minute)
        self._per_second = per_minute / MINUTE
        self._at = clock()

    def take(self) -> float:
        """Count one; the seconds until there is room for it, and then it does not count."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1.0:
            return (1.0 - self._left) / self._per_second
        self._left -= 1.0
        return 0.0
