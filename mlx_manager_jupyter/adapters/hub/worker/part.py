"""A large file on its way: its bytes in the cache, and beside the job which of them are there.

The map is memory that the kernel keeps when the process is killed: a byte is counted after it was
written, so the counts can only lag, and by no more than one write for each connection.
"""

from __future__ import annotations

import mmap
import os
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from pathlib import Path

#: Version, size of the file, size of a segment, inode of the part: each eight bytes, then the
#: bytes done of each segment. Native order, since a map never leaves its machine.
_HEAD = struct.Struct("=4Q")
_VERSION = 1
_WORD = 8


class Segment(Struct, frozen=True):
    """What one connection still has to fetch: bytes from ``start`` to before ``end``."""

    index: int
    start: int
    end: int


def drop(map_path: Path, part: Path) -> None:
    """Remove a map, and the part if it is still the one that the map is about. Raises OSError.

    One that another job has begun anew is a different file by the same name.
    """
    with suppress(FileNotFoundError, struct.error):
        version, _, _, inode = _HEAD.unpack_from(map_path.read_bytes())
        if (version, inode) == (_VERSION, part.stat().st_ino):
            part.unlink()
    map_path.unlink(missing_ok=True)


def allocated(path: Path) -> int:
    """Bytes that a file takes on the disk; 0 if there is none. Parts have holes."""
    try:
        return path.stat().st_blocks * 512
    except OSError:
        return 0


class Part:
    """One file. Its segments may be written by several threads, each by one at a time."""

    def __init__(self, path: Path, map_path: Path, *, size: int, segment_bytes: int) -> None:
        """Go on with what is there, or begin. Raises OSError."""
        self.path = path
        self.size = size
        self._map_path = map_path
        if not self._is_ours(size):
            self._begin(segment_bytes)
        self._file = os.open(path, os.O_RDWR)
        handle = os.open(map_path, os.O_RDWR)
        try:
            self._memory = mmap.mmap(handle, 0)
        finally:
            os.close(handle)
        self.segment_bytes = _HEAD.unpack_from(self._memory)[2]
        self._done = memoryview(self._memory)[_HEAD.size :].cast("Q")

    @property
    def done(self) -> int:
        """Bytes that are there."""
        return sum(self._done)

    def missing(self) -> list[int]:
        """The indices of segments that lack something, in order."""
        segments = map(self.segment, range(len(self._done)))
        return [each.index for each in segments if each.start < each.end]

    def segment(self, index: int) -> Segment:
        """What is still to be fetched of a segment; empty if nothing is."""
        start = index * self.segment_bytes
        end = min(self.size, start + self.segment_bytes)
        return Segment(index, start + self._done[index], end)

    def contiguous(self, since: int = 0) -> int:
        """Up to which byte nothing is missing; ``since`` is a byte of which that is known."""
        for index in range(since // self.segment_bytes, len(self._done)):
            segment = self.segment(index)
            if segment.start < segment.end:
                return segment.start
        return self.size

    def write(self, index: int, position: int, data: bytes) -> None:
        """Take the next bytes of a segment. Raises OSError."""
        view = memoryview(data)
        while view:
            count = os.pwrite(self._file, view, position)
            self._done[index] += count
            position += count
            view = view[count:]

    def read_into(self, buffer: memoryview, position: int) -> int:
        """Read what was written before; returns how much. Raises OSError."""
        return os.preadv(self._file, [buffer], position)

    def reset(self) -> None:
        """Forget every byte: they are not what they should be."""
        for index in range(len(self._done)):
            self._done[index] = 0

    def finish(self, place: Path) -> None:
        """Make the file last through a power cut and give it its name.

        Raises:
            FileNotFoundError: somebody removed the part.
            OSError: the disk failed, or is full.
        """
        os.fsync(self._file)
        self.path.replace(place)
        self._map_path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of file and map."""
        self._done.release()
        self._memory.close()
        os.close(self._file)

    def _is_ours(self, size: int) -> bool:
        """Whether the map is about this very file."""
        try:
            content = self._map_path.read_bytes()
            version, told_size, segment, inode = map(int, _HEAD.unpack_from(content))
            same = inode == self.path.stat().st_ino
        except (OSError, struct.error):
            return False
        known = version == _VERSION and told_size == size and segment > 0
        return same and known and len(content) == _HEAD.size + _WORD * -(-size // segment)

    def _begin(self, segment_bytes: int) -> None:
        # Made beside an older one and then put in its place: so it has another inode, by which
        # a job that knows the older one sees that it is gone.
        fresh = self.path.with_name(f"{self.path.name}.new.incomplete")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            inode = os.fstat(handle).st_ino
        finally:
            os.close(handle)
        fresh.replace(self.path)
        count = -(-self.size // segment_bytes)
        head = _HEAD.pack(_VERSION, self.size, segment_bytes, inode)
        temp = self._map_path.with_suffix(".tmp")
        temp.write_bytes(head + bytes(_WORD * count))
        temp.replace(self._map_path)
