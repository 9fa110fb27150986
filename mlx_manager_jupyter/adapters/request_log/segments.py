"""Segments: rows as columns, in files that are written once.

The name says what must be known to choose among them, without opening one:
``<first>-<last>-<rows>-<lines>.columns``, the times in microseconds since 1970, and which file of
lines it was made of. Inside is one `RequestColumns` in MessagePack and, in the last four bytes,
its CRC-32.
"""

from __future__ import annotations

import os
import re
import zlib
from typing import TYPE_CHECKING, Protocol, Self

import msgspec
from msgspec import Struct

from mlx_manager_jupyter.adapters.request_log.columns import times
from mlx_manager_jupyter.schema import RequestColumns

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tell = Callable[[str], None]

SUFFIX = ".columns"
DAMAGED = ".damaged"
_NAME = re.compile(r"(\d+)-(\d+)-(\d+)-([0-9a-f]+)\.columns", re.ASCII)
_SUM_BYTES = 4

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RequestColumns)


class Part(Protocol):
    """Some rows of the log, in order of time."""

    @property
    def first(self) -> int:
        """When its first request came, in microseconds since 1970."""

    @property
    def last(self) -> int:
        """The same of its last."""

    @property
    def rows(self) -> int:
        """How many it has."""

    def packed(self) -> bytes | None:
        """All of it in MessagePack; None if it is gone by now, or damaged."""

    def columns(self) -> RequestColumns | None:
        """The same, unpacked."""


class Rows(Struct, frozen=True):
    """Rows that lie in memory."""

    read: RequestColumns

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.read.rows

    @property
    def first(self) -> int:
        """When the first one came."""
        return times(self.read)[0]

    @property
    def last(self) -> int:
        """When the last one came."""
        return times(self.read)[-1]

    def packed(self) -> bytes:
        """All of it."""
        return _encoder.encode(self.read)

    def columns(self) -> RequestColumns:
        """The same, unpacked."""
        return self.read


class Segment(Struct, frozen=True):
    """A file of columns, known by its name."""

    path: Path
    first: int
    last: int
    rows: int
    lines: str
    """Of which file of lines it was made."""
    tell: Tell
    """Hears of damage, in words."""

    @classmethod
    def of(cls, path: Path, tell: Tell) -> Self | None:
        """The segment in this file; None if it is none."""
        found = _NAME.fullmatch(path.name)
        if found is None:
            return None
        first, last, rows = map(int, found.groups()[:3])
        return cls(path=path, first=first, last=last, rows=rows, lines=found[4], tell=tell)

    def packed(self) -> bytes | None:
        """All of it; None if it was removed meanwhile. A damaged one is set aside."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        content, written = data[:-_SUM_BYTES], data[-_SUM_BYTES:]
        if written == _sum(content):
            return content
        self.set_aside()
        return None

    def columns(self) -> RequestColumns | None:
        """The same, unpacked."""
        data = self.packed()
        if data is None:
            return None
        try:
            return _decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):  # of a version that writes otherwise
            self.set_aside()
            return None

    def set_aside(self) -> None:
        """Keep it where nobody reads it."""
        aside = self.path.with_name(self.path.name + DAMAGED)
        try:
            self.path.replace(aside)
        except FileNotFoundError:
            return  # another one was quicker
        self.tell(f"{self.rows:,} requests of the log can't be read; they are kept in {aside}.")


def write(folder: Path, columns: RequestColumns, lines: str) -> None:
    """Write rows to a new segment; it is whole, and on the disk, or not there at all.

    Args:
        folder: of the log.
        columns: what to write.
        lines: of which file of lines they are.

    Raises:
        OSError: there is no room, or the like.
    """
    moments = times(columns)
    first, last = (max(0, moments[place]) for place in (0, -1))
    data = _encoder.encode(columns)
    part = folder / f"{lines}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(data)
        target.write(_sum(data))
        target.flush()
        os.fsync(target.fileno())
    part.replace(folder / f"{first:016}-{last:016}-{columns.rows}-{lines}{SUFFIX}")


def _sum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(_SUM_BYTES, "little")
