"""``client.requests``: what the gateway was asked, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from mlx_manager_jupyter.errors import ExtensionUnreachable
from mlx_manager_jupyter.schema import (
    COLUMNS_TYPE,
    LINES_TYPE,
    RequestColumns,
    RequestRecord,
    RequestsQuery,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Iterator

    from mlx_manager_jupyter.client.client import Client

#: Of the number before each part, that says how long it is.
LENGTH_BYTES = 4


class RequestCalls:
    """``client.requests``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, query: RequestsQuery | None = None) -> builtins.list[RequestRecord]:
        """The newest requests, oldest first."""
        return list(self.each(query))

    def each(self, query: RequestsQuery | None = None) -> Iterator[RequestRecord]:
        """The same one by one, for more than should be in memory at once."""
        decoder = msgspec.json.Decoder(RequestRecord)
        for line in self.lines(query):
            yield decoder.decode(line)

    def lines(self, query: RequestsQuery | None = None) -> Iterator[bytes]:
        """The same as lines of JSON, as they come."""
        rest = b""
        for chunk in self._chunks(query, LINES_TYPE):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines

    def columns(self, query: RequestsQuery | None = None) -> Iterator[RequestColumns]:
        """The same as columns, in parts, whose times may overlap: for a million of them."""
        decoder = msgspec.msgpack.Decoder(RequestColumns)
        for part in _parts(self._chunks(query, COLUMNS_TYPE)):
            yield decoder.decode(part)

    def _chunks(self, query: RequestsQuery | None, kind: str) -> Iterator[bytes]:
        from mlx_manager_jupyter.client.transport import chunks  # noqa: PLC0415  httpx2: slow

        given = msgspec.to_builtins(query or RequestsQuery())
        wanted = urlencode({name: value for name, value in given.items() if value is not None})
        with self._client.stream(f"requests?{wanted}", {"Accept": kind}) as response:
            yield from chunks(response)


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut where one part ends.

    Raises:
        ExtensionUnreachable: the last one is not whole.
    """
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= LENGTH_BYTES:
            end = LENGTH_BYTES + int.from_bytes(held[:LENGTH_BYTES], "little")
            if len(held) < end:
                break
            yield bytes(held[LENGTH_BYTES:end])
            del held[:end]
    if held:
        raise ExtensionUnreachable("The answer of MLX Manager ended before it was complete.")
