"""The client side: many streams at once over bare sockets, so that only the target costs time."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

STAMP = re.compile(rb'"content": ?"(\d+)"')
#: Longer than any event: what is kept to find a stamp that two reads cut apart.
EVENT_BYTES = 512
#: Ends an answer on a connection that stays open.
LAST_CHUNK = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the same request can be sent, and under which name the model is known there."""

    url: str
    model: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 80

    def request(self, *, chunks: int, pace: float, streamed: bool = True, **more: Any) -> bytes:
        """The bytes of a chat request; ``more`` are fields that the engine knows."""
        asked: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": "Go on."}],
            "max_tokens": chunks,
            "chunk_seconds": pace,
            "stream": streamed,
            **more,
        }
        body = json.dumps(asked).encode()
        head = [
            f"POST {urlsplit(self.url).path} HTTP/1.1",
            "Host: {}:{}".format(*self.address),
            *(f"{name}: {value}" for name, value in self.headers.items()),
            "Accept: text/event-stream",  # without it jupyter-server-proxy waits for the end
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@dataclass(slots=True)
class Heard:
    """What came back. Times in seconds."""

    first: list[float] = field(default_factory=list)
    """From connecting to the first chunk, by request."""
    delays: list[float] = field(default_factory=list)
    """From an engine's send to our read, by chunk."""
    rate: float = 0.0
    """Chunks a second."""


class Client(asyncio.Protocol):
    """Asks one thing after the other. It keeps its connection where the target lets it, as OpenAI's
    clients do; an engine closes it after every answer."""

    def __init__(self, target: Target, heard: Heard) -> None:
        self._target = target
        self._heard = heard
        self._transport: asyncio.Transport | None = None
        self._ended: asyncio.Future[int] | None = None

    async def ask(self, request: bytes) -> int:
        """Send a request and read its answer to the end; the number of chunks."""
        self._began = time.monotonic()
        self._count, self._head, self._tail = 0, b"", b""
        self._request = request
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        if self._transport:
            self._transport.write(request)
        else:
            await loop.create_connection(lambda: self, *self._target.address)
        return await self._ended

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self._head = self._head or data
        text, cut = self._tail + data, 0
        for stamp in STAMP.finditer(text):
            if not self._count:
                self._heard.first.append(now / 1e9 - self._began)
            self._count += 1
            self._heard.delays.append((now - int(stamp[1])) / 1e9)
            cut = stamp.end()
        self._tail = text[max(cut, len(text) - EVENT_BYTES) :]
        if text.endswith(LAST_CHUNK):
            self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._end(exc)

    def _end(self, error: Exception | None) -> None:
        if self._ended is None or self._ended.done():
            return
        if error or b" 200 " not in self._head.partition(b"\r\n")[0]:
            self._ended.set_exception(error or ConnectionError(self._head.decode()))
        else:
            self._ended.set_result(self._count)


async def run(
    target: Target, heard: Heard, *, streams: int, requests: int, chunks: int, pace: float
) -> None:
    """``streams`` clients at a time, each asking ``requests`` times, spread evenly."""
    request = target.request(chunks=chunks, pace=pace)

    async def talk(number: int) -> int:
        await asyncio.sleep(number / streams * chunks * pace)
        with closing(Client(target, heard)) as client:
            return sum([await client.ask(request) for _ in range(requests)])

    began = time.monotonic()
    total = sum(await asyncio.gather(*map(talk, range(streams))))
    heard.rate = total / (time.monotonic() - began)
    expected = streams * requests * chunks
    # A proxy's own framing may cut through a stamp: it then is not seen, though it came.
    assert total >= 0.98 * expected, f"{total} of {expected} chunks came from {target.url}"
