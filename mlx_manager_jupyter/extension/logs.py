"""``servers/{name}/logs``: the last lines, or all of them and whatever comes, as a stream.

A viewer is one reader of the file at its own position, so that there may be any number: one that
reads slowly holds up nobody, one that has left costs nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from mlx_manager_jupyter.errors import UnknownServer
from mlx_manager_jupyter.extension.base import RecordHandler
from mlx_manager_jupyter.schema import LogEnd, LogLine, LogRun

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from mlx_manager_jupyter.schema import LogLines, Record

#: Seconds between two SSE comments that keep proxies from closing a quiet stream.
HEARTBEAT = 10.0

#: Lines that are written out at a time: some 2 ms of the loop, measured on a slow machine.
AT_ONCE = 500

#: Of an answer that is no stream, unless it says otherwise.
LAST_LINES = 200


class LogsHandler(RecordHandler):
    """``GET servers/{name}/logs?lines=200``, and the same with ``follow=true``."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """The last lines; as a stream all of them, unless ``lines`` says how many."""
        lines = self.count("lines", LAST_LINES)
        if not self._is_stream:
            self.answer(await self.managers.servers.logs(name, lines))
            return
        await self.managers.servers.find(name)  # a 404 before the stream begins
        whole = self.get_query_argument("lines", None) is None
        await self.while_asked(self._send(name, None if whole else lines))

    @property
    def _is_stream(self) -> bool:
        accepts = self.request.headers.get("Accept", "")
        asked = self.get_query_argument("follow", "").casefold() in ("1", "true", "yes")
        return asked or "text/event-stream" in accepts

    def _seen(self) -> dict[str, int]:
        """Up to which line a viewer that lost its stream has the log of a run."""
        run, _, number = self.request.headers.get("Last-Event-ID", "").rpartition("-")
        return {run: int(number)} if number.isascii() and number.isdigit() else {}

    async def _send(self, name: str, lines: int | None) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")
        await self.flush()
        # Without the beginning nobody knows a line's number: then it starts anew.
        sent = _Sent(self._seen() if lines is None else {})
        follow = self.managers.servers.follow(name, lines=lines)
        with suppress(StreamClosedError):
            async for frame in _with_heartbeats(follow):
                for part in sent.parts(frame) if frame else (b": still here\n\n",):
                    self.write(part)
                    await self.flush()  # a viewer that reads slowly gets the next lines later
                    await asyncio.sleep(0)  # and one that reads fast lets others in between
            if not self.managers.servers.closing:  # else it may go on without us
                self.write(_sse("end", await self._end(name)))
            await self.finish()

    async def _end(self, name: str) -> LogEnd:
        try:
            record = (await self.managers.servers.find(name)).record()
        except UnknownServer:
            return LogEnd(name=name, state="stopped")
        return LogEnd(name=name, state=record.state, error=record.error)


async def _with_heartbeats(
    follow: AsyncGenerator[LogLines],
) -> AsyncGenerator[LogLines | None]:
    """The same, with None wherever nothing came for a while."""
    async with aclosing(follow):
        while True:
            coming = asyncio.ensure_future(anext(follow, None))
            try:
                while not (await asyncio.wait({coming}, timeout=HEARTBEAT))[0]:
                    yield None
                frame = coming.result()
            finally:
                coming.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({coming})
            if frame is None:
                return
            yield frame


class _Sent:
    """Numbers the lines of each run; those that a viewer has by now are left out."""

    def __init__(self, seen: dict[str, int]) -> None:
        self._seen = seen
        self._numbers: dict[str, int] = {}

    def parts(self, frame: LogLines) -> Iterator[bytes]:
        """The events of these lines, `AT_ONCE` at a time."""
        events = self._events(frame)
        while part := b"".join(islice(events, AT_ONCE)):
            yield part

    def _events(self, frame: LogLines) -> Iterator[bytes]:
        """One for each line, and one before the first of a run."""
        run = frame.run
        if frame.begins and run not in self._seen:
            yield _sse("run", LogRun(name=frame.name, run=run))
        for text in frame.lines:
            number = self._numbers[run] = self._numbers.get(run, 0) + 1
            if number > self._seen.get(run, 0):
                line = _sse("line", LogLine(run=run, number=number, text=text))
                yield f"id: {run}-{number}\n".encode() + line


def _sse(kind: str, record: Record) -> bytes:
    return f"event: {kind}\ndata: ".encode() + msgspec.json.encode(record) + b"\n\n"


HANDLERS = [(r"/servers/([^/]+)/logs", LogsHandler)]
