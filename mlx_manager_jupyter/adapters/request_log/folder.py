"""The folder of the log: who writes where, when lines become a segment, and what is removed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.request_log import lines, segments
from mlx_manager_jupyter.adapters.request_log.columns import pack
from mlx_manager_jupyter.adapters.request_log.lines import LineFile, read_lines
from mlx_manager_jupyter.adapters.request_log.segments import Part, Rows, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

#: Rows of a segment: some 800 kB. Of the lines, all extensions together have as many to read each.
SEGMENT_ROWS = 8_192
#: A full log has at least so many segments, so that the bound is kept closely.
SEGMENTS = 8


class LogFolder:
    """One process's way to the log. `append` and `close` are for one thread at a time.

    Nothing is made before the first row. Reading is for any thread.
    """

    def __init__(self, path: Path, keep_rows: int, tell: Callable[[str], None]) -> None:
        """Make no file yet.

        Args:
            path: the folder.
            keep_rows: so many of the newest rows stay, and at most some segments more.
            tell: hears of damage, in words.
        """
        self.path = path
        self._keep_rows = keep_rows
        self._segment_rows = max(1, min(SEGMENT_ROWS, keep_rows // SEGMENTS))
        self._tell = tell
        self._file: LineFile | None = None
        self._full_at = self._segment_rows

    def append(self, rows: Iterable[bytes]) -> None:
        """Write rows, as JSON. They survive the end of this process as soon as this returns.

        Raises:
            OSError: there is no room, or the like; nothing was written.
        """
        file = self._own_file()
        file.append(rows)
        if file.rows >= self._full_at:
            self._full_at = file.rows + self._segment_rows
            try:
                self._finish(file)
                self._remove_oldest()
            except OSError as error:  # the lines are safe; it is tried again when as many have come
                self._tell(f"The log of requests can't be put in order: {error}.")

    def parts(self) -> list[Part]:
        """All that is in the log at this moment."""
        # Lines first: those that become a segment meanwhile are found there afterwards.
        newest = {path.stem: _content(path) for path in self.path.glob(f"*{lines.SUFFIX}")}
        found = self._segments()
        for segment in found:
            newest.pop(segment.lines, None)
        read = (pack(read_lines(content)) for content in newest.values())
        return [*found, *(Rows(columns) for columns in read if columns.rows)]

    def close(self) -> None:
        """Leave what is written to who comes next."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _own_file(self) -> LineFile:
        """The one in use, one that was left behind, or a new one."""
        if self._file is not None and self._file.is_there:
            return self._file
        self.close()
        for folder in (self.path.parent, self.path):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = self._left_behind() or LineFile.create(self.path)
        self._full_at = self._segment_rows
        return self._file

    def _left_behind(self) -> LineFile | None:
        for path in sorted(self.path.glob(f"*{lines.SUFFIX}")):
            file = LineFile.take_over(path)
            if file is None:
                continue
            if not any(self.path.glob(f"*-{path.stem}{segments.SUFFIX}")):
                return file
            path.unlink()  # killed between writing the segment and this
            file.close()
        return None

    def _finish(self, file: LineFile) -> None:
        """Make a segment of a full file; from then on it is the segment that counts."""
        name = file.path.stem
        columns = pack(read_lines(file.path.read_bytes(), _let_others_run), _let_others_run)
        if columns.rows:
            segments.write(self.path, columns, name)
        file.path.unlink(missing_ok=True)
        self.close()

    def _remove_oldest(self) -> None:
        """As long as enough rows stay without them."""
        kept = sorted(self._segments(), key=lambda each: each.last)
        rows = sum(each.rows for each in kept)
        for oldest in kept:
            rows -= oldest.rows
            if rows < self._keep_rows:
                return
            oldest.path.unlink(missing_ok=True)  # another extension may be at it

    def _segments(self) -> list[Segment]:
        found = (Segment.of(path, self._tell) for path in self.path.glob(f"*{segments.SUFFIX}"))
        return [each for each in found if each]


def _let_others_run() -> None:
    # Python would change threads every 5 ms only, and the event loop shall not wait so long.
    time.sleep(0.0005)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
