"""One event stream for all nouns: snapshot first, then numbered deltas, bounded for every viewer.

| concern | where |
|---|---|
| numbering, ring of past frames, fan-out | `EventHub` |
| one viewer's queue, coalescing, overflow | `Subscription` |
| what a snapshot holds | the callable that `app.py` hands in |

Laws: every state change is numbered, but kept only once somebody listens; none is dropped, it is
delivered or replaced by a fresh snapshot; only samples are coalesced.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from typing import TYPE_CHECKING

from msgspec.structs import replace
from traitlets import Int
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.schema import Event, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.schema import Snapshot


class Subscription:
    """One viewer's frames. Read with `next_batch`; leave with `close`."""

    def __init__(self, hub: EventHub, first: list[Event]) -> None:
        self._hub = hub
        self._pending: deque[Event] = deque(first)
        self._wake = asyncio.Event()
        self._closed = False
        if first:
            self._wake.set()

    def push(self, event: Event) -> None:
        """Queue a frame; a waiting sample gives way to a newer one of the same thing."""
        if isinstance(event, Sample):
            self._pending = deque(
                e for e in self._pending if not (isinstance(e, Sample) and e.key == event.key)
            )
        self._pending.append(event)
        if len(self._pending) > self._hub.queue_limit:
            self._pending = deque([self._hub.snapshot()])
        self._wake.set()

    async def next_batch(self, timeout: float | None = None) -> list[Event]:  # noqa: ASYNC109
        """All frames that wait, at least one; empty after ``timeout`` seconds or when closed."""
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return []
        batch = list(self._pending)
        self._pending.clear()
        if not self._closed:
            self._wake.clear()
        return batch

    @property
    def closed(self) -> bool:
        """True once the viewer left or the extension stops."""
        return self._closed

    def close(self) -> None:
        """Stop receiving; a waiting `next_batch` returns at once. May be called twice."""
        self._closed = True
        self._hub.forget(self)
        self._wake.set()


class EventHub(LoggingConfigurable):
    """Numbers events and hands them to every viewer."""

    queue_limit = Int(
        500, min=10, help="Frames that may wait for one slow viewer before it gets a new snapshot."
    ).tag(config=True)
    ring_limit = Int(
        1000, min=10, help="Past frames kept, so that a viewer that lost its connection catches up."
    ).tag(config=True)

    def __init__(
        self,
        make_snapshot: Callable[[], Snapshot],
        on_watched: Callable[[bool], None] = lambda _: None,
        **kwargs: object,
    ) -> None:
        """``make_snapshot`` draws everything; ``on_watched`` hears of the first and last viewer."""
        super().__init__(**kwargs)
        self._make_snapshot = make_snapshot
        self._on_watched = on_watched
        self._epoch = secrets.token_hex(4)
        self._sequence = 0
        self._ring: deque[Event] = deque(maxlen=self.ring_limit)
        self._viewers: set[Subscription] = set()
        self._closed = False

    @property
    def viewers(self) -> int:
        """How many streams are open."""
        return len(self._viewers)

    def publish(self, event: Event) -> None:
        """Number the event and queue it for every viewer.

        State changes count up by one, so that a viewer sees a gap; a sample, which may be
        coalesced away, carries the number of the last state change.
        """
        sampled = isinstance(event, Sample)
        self._sequence += not sampled
        if not self._viewers and not self._ring:
            return  # whoever comes back gets a snapshot, since its last id is older
        numbered = replace(event, id=f"{self._epoch}-{self._sequence}")
        if not sampled:
            self._ring.append(numbered)
        for viewer in tuple(self._viewers):
            viewer.push(numbered)

    def snapshot(self) -> Snapshot:
        """The whole picture, numbered like the last event it includes."""
        return replace(self._make_snapshot(), id=f"{self._epoch}-{self._sequence}")

    def subscribe(self, last_id: str | None = None) -> Subscription:
        """A new viewer, who starts after ``last_id`` if still known, else with a snapshot."""
        missed = self._since(last_id)
        viewer = Subscription(self, [self.snapshot()] if missed is None else missed)
        if self._closed:
            viewer.close()  # one that lost its stream to our closing, and came back at once
            return viewer
        self._viewers.add(viewer)
        if len(self._viewers) == 1:
            self._on_watched(True)  # noqa: FBT003
        return viewer

    def forget(self, viewer: Subscription) -> None:
        """Called by a subscription that closes."""
        if viewer in self._viewers:
            self._viewers.remove(viewer)
            if not self._viewers:
                self._on_watched(False)  # noqa: FBT003

    def close(self) -> None:
        """End every stream, and those that are still to come."""
        self._closed = True
        for viewer in tuple(self._viewers):
            viewer.close()

    def _since(self, last_id: str | None) -> list[Event] | None:
        epoch, _, number = (last_id or "").partition("-")
        if epoch != self._epoch or not number.isdigit():
            return None
        last = int(number)
        oldest = _number(self._ring[0]) if self._ring else self._sequence + 1
        if last > self._sequence or last + 1 < oldest:
            return None
        return [event for event in self._ring if _number(event) > last]


def _number(event: Event) -> int:
    return int(event.id.rpartition("-")[2])
