"""Replacing files, all of them or none, and saying in words why that failed."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import StoreUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NO_SPACE = "Free some disk space and try again; what was stored before is intact."
_NO_RIGHT = "Make the folder writable, or set MLX_MANAGER_HOME to another one."
_NO_FOLDER = "A part of that path is a file. Move it away, or set MLX_MANAGER_HOME to a folder."
_HINTS = {
    errno.EEXIST: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: _NO_SPACE,
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the operating system's errors about the state file into `StoreUnusable`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreUnusable(
            f"The state file {path} can't be used: {reason}.",
            _HINTS.get(error.errno or 0, "Set MLX_MANAGER_HOME to another folder."),
        ) from error


def content_of(path: Path) -> bytes | None:
    """All bytes of a file, or None if there is no such file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def replace_all(contents: dict[Path, bytes]) -> None:
    """Give files of one folder a new content; the last one named is the commit point.

    Everything is written and flushed to the disk under temporary names first, so that a kill or a
    full disk leaves the old files whole.

    Raises:
        OSError: nothing was replaced.
    """
    temps: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            temp = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
            temps[temp] = path
            _write(temp, content)
        for temp, path in temps.items():
            temp.replace(path)
    except BaseException:
        for temp in temps:
            temp.unlink(missing_ok=True)
        raise
    _flush_folder(next(iter(contents)).parent)


def _write(path: Path, content: bytes) -> None:
    # A descriptor first: the file has mode 0600 from birth.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make renames last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems can't; the files are whole all the same.
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
