"""Requests as they are written, which no client tidies up on the way."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    """By names in lower case."""
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def send(
    url: str, target: str, *, method: str = "GET", body: str = "", **headers: str | None
) -> Answer:
    """Send one request to whoever listens at ``url`` and read the answer to its end.

    Args:
        url: where; its path counts for nothing.
        target: what stands between the method and the version.
        method: of HTTP.
        body: of the request.
        headers: with ``_`` for ``-``; None leaves one out that is sent by itself.
    """
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    given = {"Host": place.netloc, "Connection": "close"}
    if body or method not in ("GET", "HEAD", "DELETE", "OPTIONS"):
        given["Content-Length"] = str(len(body.encode()))
    given |= {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    for name, value in headers.items():
        if value is None:
            given.pop(name.replace("_", "-"), None)
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
    try:
        async with asyncio.timeout(60):
            head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    first, *told = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in told)
    return Answer(
        int(first.split(" ")[1]),
        {name.lower(): value.strip() for name, _, value in pairs},
        rest.decode(),
    )
