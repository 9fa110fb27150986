"""Requests as they are written, which no client tidies up on the way."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    url: str,
    target: str,
    headers: Mapping[str, str | None] = MappingProxyType({}),
    *,
    method: str = "GET",
    body: str = "",
) -> Answer:
    """Send one request to whoever listens at ``url`` and read the answer to its end.

    Args:
        url: where; its path counts for nothing.
        target: what stands between the method and the version.
        headers: None leaves one out that is sent by itself.
        method: of HTTP.
        body: of the request.
    """
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    given: dict[str, str | None] = {"Host": place.netloc, "Connection": "close"}
    if body or method not in ("GET", "HEAD", "DELETE", "OPTIONS"):
        given["Content-Length"] = str(len(body.encode()))
    given |= headers
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in given.items() if value is not None]
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
