"""Checksums: the name of a large file in the cache is the sha256 of its content."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlx_manager_jupyter.adapters.hub.worker.part import Part

_PIECE = 1 << 20


def part_is_whole(part: Part, sha256: str, wait_beyond: Callable[[int], int]) -> bool:
    """Read a part as it comes and compare it to its checksum.

    Args:
        part: the file.
        sha256: in hex.
        wait_beyond: waits until more than so many bytes at the beginning are there; how many.
    """
    digest, position = hashlib.sha256(), 0
    buffer = memoryview(bytearray(_PIECE))
    while position < part.size:
        ready = wait_beyond(position)
        while position < ready:
            count = part.read_into(buffer[: min(_PIECE, ready - position)], position)
            if not count:
                return False  # somebody cut it short
            digest.update(buffer[:count])
            position += count
    return digest.hexdigest() == sha256


class Checked:
    """Remembers which finished files this job has checked: a second look at gigabytes is dear."""

    def __init__(self, folder: Path) -> None:
        """``folder``: of the job's marks."""
        self._folder = folder

    def is_whole(self, blob: Path, *, size: int) -> bool:
        """Whether a finished file of the cache is what its name says.

        A damaged one is removed: whoever else has a link to it must not serve it either.
        Raises OSError.
        """
        try:
            if self._mark(blob).read_text("ascii") == _stamp(blob):
                return True
        except FileNotFoundError:
            if not blob.exists():
                return False
        if blob.stat().st_size == size:
            with blob.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == blob.name:
                    self.remember(blob)
                    return True
        blob.unlink()
        return False

    def remember(self, blob: Path) -> None:
        """It was checked just now. Raises OSError."""
        self._mark(blob).write_text(_stamp(blob), "ascii")

    def _mark(self, blob: Path) -> Path:
        return self._folder / f"{blob.name}.ok"


def _stamp(blob: Path) -> str:
    seen = blob.stat()
    return f"{seen.st_ino} {seen.st_size} {seen.st_mtime_ns}"
