"""One viewer's own position in a run's log, which is moved aside now and then."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.process.run_log import LINE_BYTES, READ_BYTES, older, readable

if TYPE_CHECKING:
    from pathlib import Path

#: Bytes that are looked through for the last lines.
_TAIL_BYTES = 1024 * 1024


class LogReader:
    """Reads a log from its start, or from its last lines on, and then whatever comes.

    `has_news` costs two ``stat`` calls and may be asked on the loop; `read` blocks.
    """

    def __init__(self, path: Path, last_lines: int | None = None) -> None:
        """``last_lines``: begin with so many of those that are there; with all if None."""
        self._path = path
        self._older = older(path)
        self._last_lines = last_lines
        self._offset = 0
        self._aside = 0
        """The older part that was read already, by its inode. Another one means that what we were
        reading is there now."""
        self._partial = b""

    def has_news(self) -> bool:
        """Whether a `read` may give something."""
        return _size(self._path) != self._offset or _inode(self._older) != self._aside

    def read(self) -> tuple[list[str], bool]:
        """Lines that came, of some `READ_BYTES`, and whether there is more at once."""
        try:
            with self._path.open("rb") as log:
                # Nobody moves anything aside while one of us reads.
                fcntl.flock(log.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
                if self._last_lines is not None:
                    self._go_to_last_lines(self._last_lines)
                    self._last_lines = None
                return self._read()
        except (BlockingIOError, FileNotFoundError):  # being moved aside, or not there
            return [], False

    def rest(self) -> list[str]:
        """A last line without an end, once nobody goes on writing it."""
        rest, self._partial = self._partial, b""
        return [readable(rest)] if rest else []

    def _read(self) -> tuple[list[str], bool]:
        aside = _inode(self._older)
        if aside and aside != self._aside:
            data = self._part(self._older)
            if len(data) < READ_BYTES:
                self._aside, self._offset = aside, 0
            return self._lines(data), True
        if _size(self._path) < self._offset:  # somebody emptied it
            self._offset = 0
        data = self._part(self._path)
        return self._lines(data), len(data) == READ_BYTES

    def _part(self, path: Path) -> bytes:
        try:
            with path.open("rb") as source:
                source.seek(self._offset)
                data = source.read(READ_BYTES)
        except FileNotFoundError:  # tidied away
            return b""
        self._offset += len(data)
        return data

    def _lines(self, data: bytes) -> list[str]:
        *lines, rest = (self._partial + data).split(b"\n")
        self._partial = rest[:LINE_BYTES]
        return [readable(line[:LINE_BYTES]) for line in lines]

    def _go_to_last_lines(self, wanted: int) -> None:
        self._aside = _inode(self._older)
        found, self._offset = _back(self._path, wanted)
        if found < wanted and self._aside:
            self._aside, self._offset = 0, _back(self._older, wanted - found)[1]


def last_lines(path: Path, wanted: int) -> list[str]:
    """The last lines of a log, oldest first. Blocks."""
    reader = LogReader(path, wanted)
    lines: list[str] = []
    more = True
    while more:
        came, more = reader.read()
        lines += came
    return [*lines, *reader.rest()][-wanted:] if wanted else []


def _back(path: Path, wanted: int) -> tuple[int, int]:
    """How many of the wanted last lines there are, and where they begin."""
    size = _size(path)
    start = max(0, size - _TAIL_BYTES)
    try:
        with path.open("rb") as source:
            source.seek(start)
            data = source.read(size - start)
    except FileNotFoundError:
        return 0, 0
    position, found = len(data) - data.endswith(b"\n"), 0
    while found < wanted and position > 0:
        position = data.rfind(b"\n", 0, position)
        found += 1
    return found, start + position + 1 if found or wanted == 0 else start


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
