"""What lies on the disk: the entries of folders, and how much room files take."""

from __future__ import annotations

import os
import stat

PARTIAL = ".incomplete"
#: What ``st_blocks`` counts, whatever the file system's blocks are.
_BLOCK = 512


def entries(folder: str) -> list[os.DirEntry[str]]:
    """Of a folder; none if it can't be read."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (OSError, ValueError):
        return []


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is one, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def status(path: str) -> os.stat_result | None:
    """Of a file, at the end of its links; None if there is none, or something else."""
    try:
        found = os.stat(path)  # noqa: PTH116  quicker, and there are thousands
    except (OSError, ValueError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def allocated(file: os.stat_result) -> int:
    """Bytes on the disk: a download that writes at several places makes its file long at once."""
    return min(file.st_size, file.st_blocks * _BLOCK)


class Tally:
    """Sums up files; one that has several names counts once."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self.partial_bytes = 0
        self.partials = 0
        self.updated_ns = -1
        self._seen: set[tuple[int, int]] = set()

    def add(self, name: str, file: os.stat_result) -> None:
        """Count a file; by its name it is finished or not."""
        identity = file.st_dev, file.st_ino
        if identity in self._seen:
            return
        self._seen.add(identity)
        if name.endswith(PARTIAL):
            self.partials += 1
            self.partial_bytes += allocated(file)
            return
        self.size_bytes += file.st_size
        if file.st_mtime_ns > self.updated_ns:  # noqa: PLR1730  max() takes thrice the time
            self.updated_ns = file.st_mtime_ns
