"""All connections of a job, and the segments of all files that they take in turn.

Files are fetched in order, so that each can be checked while the next ones come; a model of one
file has the use of every connection too.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Self

import httpx2

from mlx_manager_jupyter.adapters.hub.refusals import unreachable
from mlx_manager_jupyter.adapters.hub.worker.patience import Patience
from mlx_manager_jupyter.adapters.hub.worker.ranges import PlaceRefused, Ranges, told
from mlx_manager_jupyter.errors import MLXManagerError

if TYPE_CHECKING:
    from mlx_manager_jupyter.adapters.hub.worker.address import Address
    from mlx_manager_jupyter.adapters.hub.worker.folder import JobSpec
    from mlx_manager_jupyter.adapters.hub.worker.part import Part, Segment
    from mlx_manager_jupyter.adapters.hub.worker.throttle import Throttle


class Incoming(NamedTuple):
    """A large file on its way."""

    part: Part
    address: Address


class Transfer:
    """Fetches parts in threads until it is closed. Use it in a ``with``."""

    def __init__(self, spec: JobSpec, throttle: Throttle) -> None:
        self._spec = spec
        self._throttle = throttle
        self._changed = threading.Condition()
        self._queue: deque[tuple[Incoming, int]] = deque()
        self._busy = 0
        self._error: BaseException | None = None
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"connection {number}", daemon=True)
            for number in range(max(1, spec.connections))
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()

    def add(self, file: Incoming) -> None:
        """Fetch what is missing of a file."""
        with self._changed:
            self._queue.extend((file, index) for index in file.part.missing())
            self._changed.notify_all()

    @property
    def is_idle(self) -> bool:
        """Whether all that was asked for has come."""
        with self._changed:
            return not self._queue and not self._busy

    def wait_beyond(self, file: Incoming, position: int) -> int:
        """Wait for bytes of a file that follow those before ``position``.

        Returns:
            Up to which byte nothing is missing.

        Raises:
            BaseException: whatever ended one of the connections.
        """
        with self._changed:
            while True:
                if self._error:
                    raise self._error
                ready = file.part.contiguous(position)
                if ready > position:
                    return ready
                # Writers don't announce every piece: a look now and then costs less.
                self._changed.wait(0.05)

    def _run(self) -> None:
        connection = Ranges(self._spec.timeout_seconds, self._throttle)
        try:
            while (taken := self._next()) is not None:
                try:
                    self._fetch(connection, *taken)
                finally:
                    with self._changed:
                        self._busy -= 1
                        self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001  raised again where somebody waits
            with self._changed:
                self._error = self._error or error
                self._stopping.set()
                self._changed.notify_all()
        finally:
            connection.close()

    def _next(self) -> tuple[Incoming, int] | None:
        with self._changed:
            while not self._queue and not self._stopping.is_set():
                self._changed.wait()
            if self._stopping.is_set():
                return None
            self._busy += 1
            return self._queue.popleft()

    def _fetch(self, connection: Ranges, file: Incoming, index: int) -> None:
        patience = Patience(self._spec, self._stopping)
        refused = False
        while not self._stopping.is_set():
            segment = file.part.segment(index)
            if segment.start == segment.end:
                return
            try:
                self._receive(connection, file, segment)
            except PlaceRefused:
                # That a signature is too old is nothing unusual; that a new one is, too, would be.
                if refused:
                    patience.bear(unreachable("The Hub's store of files refuses its own address."))
                refused = True
            except (MLXManagerError, httpx2.HTTPError, OSError) as error:
                connection.close()
                if file.part.segment(index).start > segment.start:
                    patience.progressed()
                    refused = False
                if not self._stopping.is_set():
                    patience.bear(error)

    def _receive(self, connection: Ranges, file: Incoming, segment: Segment) -> None:
        """Write down the rest of a segment.

        Raises:
            PlaceRefused: another place is needed.
            HubFailed: it did not come, or not all of it.
            OSError: it can't be written.
        """
        part, position, end = file.part, segment.start, segment.end
        place = file.address.place()
        try:
            answer = connection.ask(place, position, end, part.size)
        except PlaceRefused:
            file.address.refused(place)
            raise
        while position < end:
            with told():
                data = answer.read1(min(end - position, self._throttle.portion))
            if not data:
                raise unreachable("The Hub's store of files sent less than was asked for.")
            part.write(segment.index, position, data)
            position += len(data)
            self._throttle.take(len(data), self._stopping)
            if self._stopping.is_set():
                connection.close()
                return
        answer.close()
