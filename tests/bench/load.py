"""The client side: many streams at once over bare sockets, so that only the target costs time."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

STAMP = re.compile(rb'"content": ?"(\d+)"')
#: Longer than any event: what is kept to find a stamp that two reads cut apart.
EVENT_BYTES = 512


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

    def request(self, *, chunks: int, pace: float, streamed: bool = True) -> bytes:
        """The bytes of a chat request; the connection is closed after the answer."""
        asked: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": "Go on."}],
            "max_tokens": chunks,
            "chunk_seconds": pace,
            "stream": streamed,
        }
        body = json.dumps(asked).encode()
        head = [
            f"POST {urlsplit(self.url).path} HTTP/1.1",
            "Host: {}:{}".format(*self.address),
            *(f"{name}: {value}" for name, value in self.headers.items()),
            "Accept: text/event-stream",  # without it jupyter-server-proxy waits for the end
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
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


class Stream(asyncio.Protocol):
    """One request on one connection."""

    def __init__(self, request: bytes, heard: Heard) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self.count = 0
        self._request = request
        self._heard = heard
        self._began = time.monotonic()
        self._head = self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self._head = self._head or data
        text, cut = self._tail + data, 0
        for stamp in STAMP.finditer(text):
            if not self.count:
                self._heard.first.append(now / 1e9 - self._began)
            self.count += 1
            self._heard.delays.append((now - int(stamp[1])) / 1e9)
            cut = stamp.end()
        self._tail = text[max(cut, len(text) - EVENT_BYTES) :]

    def connection_lost(self, exc: Exception | None) -> None:
        if exc or b" 200 " not in self._head.partition(b"\r\n")[0]:
            self.ended.set_exception(exc or ConnectionError(self._head.decode()))
        else:
            self.ended.set_result(self.count)


async def ask(target: Target, request: bytes, heard: Heard) -> int:
    """Send one request and read its answer to the end; the number of chunks."""
    made = lambda: Stream(request, heard)  # noqa: E731
    _, stream = await asyncio.get_running_loop().create_connection(made, *target.address)
    count: int = await stream.ended
    return count


async def run(
    target: Target, heard: Heard, *, streams: int, requests: int, chunks: int, pace: float
) -> None:
    """``streams`` clients at a time, each asking ``requests`` times, spread evenly."""
    request = target.request(chunks=chunks, pace=pace)

    async def client(number: int) -> int:
        await asyncio.sleep(number / streams * chunks * pace)
        return sum([await ask(target, request, heard) for _ in range(requests)])

    began = time.monotonic()
    total = sum(await asyncio.gather(*map(client, range(streams))))
    heard.rate = total / (time.monotonic() - began)
    expected = streams * requests * chunks
    # A proxy's own framing may cut through a stamp: it then is not seen, though it came.
    assert total >= 0.98 * expected, f"{total} of {expected} chunks came from {target.url}"
