"""One run's log file: the engine writes it, we follow it.

The engine holds the file itself, not a pipe of ours, so that it can go on without us.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections import deque
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Lines kept in memory.
RING_LINES = 2_000
#: Bytes kept of a line: a progress bar or a dumped prompt can be of any length.
LINE_BYTES = 4_096
#: Bytes read at a time, so that a flood costs little memory and little of the loop's time.
READ_BYTES = 256 * 1024
#: Bytes after which a log file is moved aside. One older file is kept, so twice that on disk.
ROTATE_BYTES = 32 * 1024 * 1024

#: Control sequences (colours, cursor) and operating system commands (titles) of ECMA-48.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


def create_log(path: Path) -> IO[bytes]:
    """Open the file for appending, readable by its owner only; make the folders above it too."""
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    return _open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


class RunLog:
    """Follows a log file. The last lines stay in memory; the file is kept within bounds.

    `read` and `read_all` block and may be called from any thread; the rest is for anywhere.
    """

    def __init__(
        self,
        path: Path,
        fatal: Callable[[str], bool],
        *,
        rotate_bytes: int = ROTATE_BYTES,
    ) -> None:
        self.path = path
        self.fatal_line: str | None = None
        """The first line that ``fatal`` said yes to, until `forgive`."""
        self._fatal: Callable[[str], bool] | None = fatal
        self._rotate_bytes = rotate_bytes
        self._ring: deque[bytes] = deque(maxlen=RING_LINES)
        self._partial = b""
        self._offset = 0
        self._reading = threading.Lock()

    def skip_to_tail(self) -> None:
        """Begin near the end, for a file that an earlier process has followed already."""
        if self.path.exists():
            self._offset = max(0, self.path.stat().st_size - READ_BYTES)

    def forgive(self) -> None:
        """Look for fatal lines no longer: once it is ready, what it says is about requests."""
        self._fatal = None

    def read(self) -> bool:
        """Take in at most `READ_BYTES` of what is new; True if there is more already."""
        with self._reading:
            try:
                with self.path.open("rb") as source:
                    return self._read(source)
            except FileNotFoundError:  # deleted under us: nothing to show, nothing to be done
                return False

    def read_all(self) -> None:
        """Take in what is there by now, of a flood only the end."""
        with self._reading:
            try:
                size = self.path.stat().st_size
            except FileNotFoundError:
                return
            self._offset = max(self._offset, size - RING_LINES * LINE_BYTES)
        while self.read():
            pass

    def tail(self, lines: int) -> list[str]:
        """The last lines, oldest first, as a terminal would show them without its colours."""
        # A copy, since another thread may append at any moment.
        kept = [*self._ring.copy(), *([self._partial] if self._partial else [])]
        return [readable(line) for line in kept[max(0, len(kept) - lines) :]]

    def _read(self, source: IO[bytes]) -> bool:
        size = os.fstat(source.fileno()).st_size
        if size < self._offset:  # somebody truncated it
            self._offset = 0
        source.seek(self._offset)
        data = source.read(READ_BYTES)
        self._offset += len(data)
        self._take(data)
        if self._offset >= self._rotate_bytes:
            self._rotate(source)
            return False
        return self._offset < size

    def _rotate(self, source: IO[bytes]) -> None:
        # Copied and truncated, not renamed: the engine holds this very file open, for appending.
        try:
            fcntl.flock(source.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another extension is at it
        if os.fstat(source.fileno()).st_size < self._offset:
            return  # another extension was quicker
        aside = older(self.path)
        copy = aside.with_name(f"{aside.name}.{os.getpid()}")
        source.seek(0)
        position = 0
        with _open_private(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as target:
            while data := source.read(READ_BYTES):
                target.write(data)
                self._take(data[max(0, self._offset - position) :])
                position += len(data)
        copy.replace(aside)  # whoever follows the log knows by the new file that this happened
        os.truncate(self.path, 0)
        self._offset = 0

    def _take(self, data: bytes) -> None:
        *lines, rest = (self._partial + data).split(b"\n")
        self._partial = rest[:LINE_BYTES]
        lines = [line[:LINE_BYTES] for line in lines]
        self._ring.extend(lines)
        if self._fatal is not None and self.fatal_line is None:
            texts = (readable(line) for line in lines)
            self.fatal_line = next(filter(self._fatal, texts), None)


def older(log: Path) -> Path:
    """Where the part of a log is that was moved aside."""
    return log.with_name(f"{log.name}.1")


def readable(line: bytes) -> str:
    """Decode a line, whatever is in it; of a progress bar that redraws itself, the last state."""
    shown = line.rstrip(b"\r").rpartition(b"\r")[2]
    return _ANSI.sub("", shown.decode("utf-8", errors="replace"))


def _open_private(path: Path, flags: int) -> IO[bytes]:
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)  # the file may have been there
    return os.fdopen(descriptor, "wb")
