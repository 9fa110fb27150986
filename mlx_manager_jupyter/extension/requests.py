"""``requests``: the log of what the gateway was asked, in pieces, so that it may be of any length.

Threads read and pack; the loop only passes the pieces on, each when the one before has gone.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from mlx_manager_jupyter.extension.base import RecordHandler
from mlx_manager_jupyter.schema import COLUMNS_TYPE, LINES_TYPE, RequestsQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mlx_manager_jupyter.schema import RequestRecord
    from mlx_manager_jupyter.services.requests import RequestLog

    Written = Callable[[RequestLog, RequestsQuery], Iterator[bytes]]

#: Records written at a time: msgspec keeps the loop waiting meanwhile, here well under 1 ms.
AT_ONCE = 250

_encoder = msgspec.json.Encoder()


class RequestsHandler(RecordHandler):
    """``GET requests``: a list by default; lines or columns for who accepts these."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The newest that the query means, oldest first."""
        accepts = self.request.headers.get("Accept", "")
        kind = next((kind for kind in _FORMS if kind in accepts), "application/json")
        written = _FORMS[kind](self.managers.requests, self.query(RequestsQuery))
        await self.while_asked(self._send(written, kind))

    async def _send(self, pieces: Iterator[bytes], kind: str) -> None:
        self.set_header("Content-Type", kind)
        with suppress(StreamClosedError):
            while piece := await asyncio.to_thread(next, pieces, b""):
                self.write(piece)
                await self.flush()
            await self.finish(set_content_type=kind)


def _list(log: RequestLog, query: RequestsQuery) -> Iterator[bytes]:
    before = b"["
    for rows in _some(log.records(query)):
        yield before + _encoder.encode(rows)[1:-1]
        before = b","
    yield b"[]" if before == b"[" else b"]"


def _lines(log: RequestLog, query: RequestsQuery) -> Iterator[bytes]:
    for rows in _some(log.records(query)):
        yield _encoder.encode_lines(rows)


def _columns(log: RequestLog, query: RequestsQuery) -> Iterator[bytes]:
    for packed in log.columns(query):
        yield len(packed).to_bytes(4, "little") + packed


def _some(found: Iterable[Sequence[RequestRecord]]) -> Iterator[Sequence[RequestRecord]]:
    for rows in found:
        for begin in range(0, len(rows), AT_ONCE):
            yield rows[begin : begin + AT_ONCE]


#: How an answer is written, by what the client accepts.
_FORMS: dict[str, Written] = {
    COLUMNS_TYPE: _columns,
    LINES_TYPE: _lines,
    "application/json": _list,
}

HANDLERS = [(r"/requests", RequestsHandler)]
