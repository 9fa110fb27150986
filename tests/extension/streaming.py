"""A client of the gateway that sees what is on the wire, and may leave at any moment."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from tests.extension.conftest import Door

ASK = [{"role": "user", "content": "What is the capital of France?"}]


class Chat:
    """One chat over a socket of its own. Use it in an ``async with``: leaving it closes it."""

    def __init__(
        self, door: Door, key: str, model: str, *, stream: bool = True, lane: str = "", **body: Any
    ) -> None:
        self._address = door.url.removeprefix("http://").rstrip("/")
        payload = json.dumps({"model": model, "messages": ASK, "stream": stream, **body}).encode()
        extra = f"X-MLX-Lane: {lane}\r\n" if lane else ""
        self._request = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self._address}\r\n{extra}"
            f"Authorization: Bearer {key}\r\nContent-Length: {len(payload)}\r\n\r\n"
        ).encode() + payload
        self.status = 0
        self.headers: dict[str, str] = {}
        self.lines: list[str] = []
        """That came so far, without empty ones and the lengths of chunks."""

    async def __aenter__(self) -> Self:
        host, port = self._address.split(":")
        self._reader, self._writer = await asyncio.open_connection(host, int(port))
        self._writer.write(self._request)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """As a client does that is killed."""
        self._writer.close()

    async def begin(self) -> int:
        """Wait for the status."""
        self.status = int((await self._reader.readline()).split()[1])
        while line := (await self._reader.readline()).decode().strip():
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value
        return self.status

    async def until(self, wanted: str) -> str:
        """Wait for a line with this in it."""
        async with asyncio.timeout(30):
            while True:
                line = (await self._reader.readline()).decode()
                assert line, f"the stream ended without {wanted!r}: {self.lines}"
                if len(line) > 8:
                    self.lines.append(line.strip())
                    if wanted in line:
                        return self.lines[-1]

    async def done(self) -> list[str]:
        """Wait for the end of the whole answer; its lines."""
        if not self.status:
            await self.begin()
        await self.until("[DONE]")
        return self.lines

    async def error(self) -> dict[str, Any]:
        """The body of a refusal."""
        if not self.status:
            await self.begin()
        body = await self._reader.readexactly(int(self.headers["content-length"]))
        told: dict[str, Any] = json.loads(body)["error"]
        return told
