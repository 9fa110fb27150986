"""Server-sent events, read from bytes.

Text decoders split lines at every Unicode line break, and a model may well write U+2028; the
format knows only CR and LF, so the split happens before decoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Frame(NamedTuple):
    """One event as it was sent; ``data`` is undecoded."""

    event: str
    data: bytes


def frames(
    chunks: Iterable[bytes], comment: Callable[[bytes], object] = lambda _: None
) -> Iterator[Frame]:
    """Cut a byte stream into frames. What is not ended by a blank line was cut off: dropped.

    Args:
        chunks: the stream.
        comment: is given every comment, such as a heartbeat.
    """
    event, data = "message", list[bytes]()
    for line in _lines(chunks):
        if not line:
            if data:
                yield Frame(event, b"\n".join(data))
            event, data = "message", []
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            event = value.decode()
        elif not field:
            comment(value)
        # Else ``id``, which every event of ours carries itself.


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r")
