"""The limit of bytes per second that all connections of a worker share."""

from __future__ import annotations

import threading
import time

#: Seconds of the limit that may come at once after a pause.
_BURST_SECONDS = 0.1
_SMALLEST, _LARGEST = 4 << 10, 256 << 10
_SMALLEST_BUFFER = 64 << 10
#: Pieces that a second is read in, so that a low limit gives a steady stream.
_PIECES_PER_SECOND = 20


class Throttle:
    """A bucket that fills at the limit. What came is paid for afterwards, by waiting."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rate: int | None = None
        self._paid_until = 0.0

    def set(self, bytes_per_second: int | None) -> None:
        """Change the limit; whoever waits for the old one waits anew."""
        with self._changed:
            if bytes_per_second != self._rate:
                self._rate = bytes_per_second
                self._paid_until = time.monotonic()
                self._changed.notify_all()

    @property
    def portion(self) -> int:
        """Bytes to read at a time."""
        rate = self._rate
        return min(_LARGEST, max(_SMALLEST, rate // _PIECES_PER_SECOND)) if rate else _LARGEST

    @property
    def buffer(self) -> int | None:
        """Bytes that a connection may hold before they are read; None: as the system thinks best.

        It thinks of megabytes, which under a limit fill up, and which a kill throws away.
        """
        rate = self._rate
        return max(_SMALLEST_BUFFER, rate // _PIECES_PER_SECOND) if rate else None

    def take(self, count: int, stopping: threading.Event) -> None:
        """Wait until this many bytes were allowed, or until there is nothing to wait for."""
        with self._changed:
            rate = self._rate
            if rate is None:
                return
            now = time.monotonic()
            self._paid_until = max(self._paid_until, now - _BURST_SECONDS) + count / rate
            mine = self._paid_until
            while self._rate == rate and not stopping.is_set():
                left = mine - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(min(left, 0.5))
