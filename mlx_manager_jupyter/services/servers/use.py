"""Who uses one server: the requests of this extension, and what others told through the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

#: Seconds between two notes in the store that a server is in use.
TOLD_EVERY = 5.0
#: Use elsewhere that was told within these seconds may still go on.
STILL_ELSEWHERE = timedelta(seconds=2 * TOLD_EVERY + 2)


class Use:
    """Counts one server's requests. `begin` and `end` cost next to nothing."""

    __slots__ = ("_elsewhere_at", "_last_at", "_told_at", "in_flight", "ttl")

    def __init__(self, last_at: datetime | None = None) -> None:
        self.in_flight = 0
        self.ttl: float | None = None
        """Seconds that it is to stay after the latest request, if that said so: not told yet."""
        self._last_at = last_at
        self._told_at = last_at
        self._elsewhere_at = last_at

    @property
    def last_at(self) -> datetime | None:
        """When it was last used, by whichever extension: now, while a request is in flight."""
        return datetime.now(UTC) if self.in_flight else self._last_at

    @property
    def elsewhere(self) -> bool:
        """Whether another extension told of use a moment ago, which may go on."""
        at = self._elsewhere_at
        return at is not None and datetime.now(UTC) - at < STILL_ELSEWHERE

    @property
    def going_on(self) -> bool:
        """Whether a request is in flight here, or may be elsewhere."""
        return bool(self.in_flight) or self.elsewhere

    def begin(self) -> None:
        """A request begins."""
        self.in_flight += 1

    def end(self) -> None:
        """It has ended, however."""
        self.in_flight -= 1
        self._last_at = datetime.now(UTC)

    def heard(self, at: datetime | None) -> None:
        """Another extension was last asked then."""
        if at != self._told_at:  # else it is our own note that comes back
            self._elsewhere_at = at
        if at is not None and (self._last_at is None or at > self._last_at):
            self._last_at = self._told_at = at

    def news(self) -> datetime | None:
        """When it was last used, if the others should be told; it counts as told then."""
        last = self.last_at
        if last is None:
            return None
        if self._told_at is not None and (last - self._told_at).total_seconds() < TOLD_EVERY:
            return None
        self._told_at = last
        return last

    def idle_since(self, began: datetime) -> datetime:
        """Since when nobody has used it; ``began`` if nobody ever did."""
        last = self.last_at
        return began if last is None else max(last, began)
