"""Takes a record in microseconds, and writes it down within a second, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING

import msgspec
from traitlets import Int
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.adapters.request_log import LogFolder
from mlx_manager_jupyter.services.requests.selecting import in_order, select

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlx_manager_jupyter.schema import RequestRecord, RequestsQuery

#: How long a row may wait, so that a second's rows are one write.
GATHER_SECONDS = 1.0
#: Rows that may wait while nothing can be written, as on a full disk; then the oldest are lost.
MAX_WAITING = 100_000
#: Bytes of a line. A usual one has 600; but a name may be anything that a client sent.
MAX_LINE = 8_192
#: Characters that are left of each text of a longer one.
MAX_TEXT = 200

_encoder = msgspec.json.Encoder()
_pack = msgspec.msgpack.Encoder()


class RequestLog(LoggingConfigurable):
    """What each request took and what became of it. What was said is never written down."""

    keep_rows = Int(
        1_000_000,
        min=1,
        help="Requests that stay in the log, a million take some 100 MB; older ones are removed.",
    ).tag(config=True)

    def __init__(self, folder: Path, **kwargs: object) -> None:
        """Touch no file yet.

        Args:
            folder: of the log; other extensions may use the same.
            kwargs: traits.
        """
        super().__init__(**kwargs)
        self._folder = LogFolder(folder, self.keep_rows, self.log.warning)
        self._waiting: deque[RequestRecord] = deque(maxlen=MAX_WAITING)
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._writing = threading.Lock()
        self._failed = False
        self._thread = threading.Thread(target=self._write_on, name="mlx-requests", daemon=True)

    def add(self, record: RequestRecord) -> None:
        """Take a request that has ended. Costs a microsecond; never waits and never fails."""
        self._waiting.append(record)
        if not self._woken.is_set():
            self._woken.set()

    def open(self) -> None:
        """Begin to write."""
        self._thread.start()

    async def close(self) -> None:
        """Write what is left, and end."""
        self._closing.set()
        self._woken.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self.flush)
        self._folder.close()

    def flush(self) -> None:
        """Write what waits. Blocks; for any thread."""
        with self._writing:
            records = list(_taken(self._waiting))
            if not records:
                return
            try:
                self._folder.append(filter(None, map(self._encoded, records)))
            except OSError as error:
                self._waiting.extendleft(reversed(records))
                if not self._failed:
                    self.log.warning("The log of requests can't be written: %s.", error)
                self._failed = True
            else:
                self._failed = False

    def columns(self, query: RequestsQuery) -> Iterator[bytes]:
        """What the query means, as `RequestColumns` in MessagePack. Blocks; for any thread."""
        self.flush()
        for part, chosen in select(self._folder.parts(), query):
            data = part.packed() if chosen is None else _pack.encode(chosen)
            if data is not None:
                yield data

    def records(self, query: RequestsQuery) -> Iterator[Sequence[RequestRecord]]:
        """The same, oldest first, some at a time. Blocks; for any thread."""
        self.flush()
        yield from in_order(select(self._folder.parts(), query))

    def _write_on(self) -> None:
        while not self._closing.is_set():
            self._woken.wait()
            self._closing.wait(GATHER_SECONDS)
            self._woken.clear()
            self.flush()
            if self._failed:
                self._woken.set()  # it is tried again

    def _encoded(self, record: RequestRecord) -> bytes | None:
        """A line; None where an engine answered such nonsense that it can't be one."""
        try:
            line = _encoder.encode(record)
            return line if len(line) <= MAX_LINE else _encoder.encode(_shortened(record))
        except (TypeError, ValueError, OverflowError) as error:
            self.log.warning("A request can't be written down: %s.", error)
            return None


def _shortened(record: RequestRecord) -> RequestRecord:
    """The same with texts of a length that a log can bear."""
    values = msgspec.structs.asdict(record)
    cut = {name: value[:MAX_TEXT] for name, value in values.items() if isinstance(value, str)}
    return msgspec.structs.replace(record, **cut)


def _taken(waiting: deque[RequestRecord]) -> Iterator[RequestRecord]:
    """Everything that waits; others may add meanwhile."""
    for _ in range(len(waiting)):
        yield waiting.popleft()
