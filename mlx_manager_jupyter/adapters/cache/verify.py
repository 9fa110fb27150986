"""Read every file of a model again and compare it with its checksum; no network.

The name of a blob is what the Hub said of it: the sha256 of a large file, or of a small one, which
is in Git, the id of its Git blob. huggingface_hub's list of the commit's files says the same, also
where a cache has no blobs.
"""

from __future__ import annotations

import hashlib
import os
import re
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mlx_manager_jupyter.adapters.cache.lookup import local_folder, repo_folder, snapshot
from mlx_manager_jupyter.adapters.cache.tree import recorded
from mlx_manager_jupyter.adapters.cache.weights import checked_size, json_object
from mlx_manager_jupyter.adapters.cache.whole import (
    CONFIG,
    INDEX,
    WEIGHTS,
    absent,
    named_by_files,
    named_by_index,
    required,
    sizes_in,
)
from mlx_manager_jupyter.errors import InvalidValue, ModelUnusable
from mlx_manager_jupyter.schema import Verification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlx_manager_jupyter.adapters.cache.tree import TreeFile

_PIECE = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT_ID = re.compile(r"[0-9a-f]{40}")


def verify(
    cache: Path,
    model: str,
    revision: str | None = None,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Verification:
    """Check a cached repo or a folder, complete or not. Blocking: a second for each gigabyte.

    There are no checksums for the files of a folder: of its weights the headers are read. A file to
    which a link leads out of the cache is not read; among the unverifiable ones it is named with
    the place.

    Args:
        cache: of Hugging Face.
        model: repo id or folder.
        revision: as of `locate`.
        on_progress: is told the bytes that are done and those there are in all.
        cancelled: is asked after each piece.

    Raises:
        UnknownModel: it is not on this machine.
        NoWeights: none of the revision's files is there.
        InvalidValue: a revision of a folder.
        ModelUnusable: the folder can't be read.
        concurrent.futures.CancelledError: ``cancelled`` said so.
    """
    folder = local_folder(model)
    if folder is None:
        folder = snapshot(model, revision, cache)
        inside = (cache.resolve(), repo_folder(cache, model).resolve())
        look = _Look(folder, recorded(folder), inside)
    elif revision is None:
        look = _Look(folder, {}, ())
    else:
        raise InvalidValue(
            f"{folder} is a local folder, which has no revision {revision!r}.",
            "Leave the revision unset, or name the model by its repo id.",
        )
    look.require_all()
    look.read(on_progress or (lambda done, total: None), cancelled or (lambda: False))  # noqa: ARG005
    return Verification(
        model=model,
        revision=folder.name if look.inside else None,
        ok=not look.damaged and not look.missing,
        files=look.files,
        bytes=look.bytes_read,
        unverifiable=tuple(sorted(look.unverifiable)),
        damaged=tuple(sorted(look.damaged)),
        missing=tuple(sorted(look.missing)),
    )


class _Look(Struct):
    """One look at all files of a folder."""

    folder: Path
    recorded: Mapping[str, TreeFile]
    inside: tuple[Path, ...]
    """Where links may lead; empty if it is no snapshot, which then has no checksums."""
    files: int = 0
    bytes_read: int = 0
    damaged: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    unverifiable: set[str] = field(default_factory=set)

    def require_all(self) -> None:
        """Find what is not there at all."""
        sizes = sizes_in(self.folder)
        planned = {path: file.size for path, file in self.recorded.items()}
        try:
            wanted = required(sizes, planned, lambda: named_by_index(self.folder / INDEX))
        except ModelUnusable:
            self.damaged.add(INDEX)
            wanted = named_by_files({*sizes, *planned})
        self.missing.update(absent(sizes, wanted, planned))

    def read(self, on_progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> None:
        """Read what there is."""
        checksums: dict[tuple[Path, str], list[str]] = {}
        for path in _paths(self.folder):
            self.files += 1
            end = Path(os.path.realpath(self.folder / path))
            if checksum := self._sort(path, end):
                # One content may have several names.
                checksums.setdefault((end, checksum), []).append(path)
        total = sum(_size(end) for end, _ in checksums)

        def advance(count: int) -> None:
            self.bytes_read += count
            on_progress(self.bytes_read, total)
            if cancelled():
                raise CancelledError

        for (end, checksum), paths in checksums.items():
            try:
                is_right = _digest(end, checksum, advance) == checksum
            except FileNotFoundError:
                self.missing.update(paths)
                continue
            except OSError:  # the disk does not give it back
                is_right = False
            if not is_right:
                self.damaged.update(paths)

    def _sort(self, path: str, end: Path) -> str | None:
        """The checksum to compare a file with; if there is none, it is judged at once."""
        checksum = self._checksum(path)
        if not end.is_file():
            self.missing.add(path)
        elif self.inside and not any(map(end.is_relative_to, self.inside)):
            self.unverifiable.add(f"{path} -> {end}")
        elif checksum:
            return checksum
        elif self._is_sound(path):
            self.unverifiable.add(path)
        else:
            self.damaged.add(path)
        return None

    def _checksum(self, path: str) -> str | None:
        """sha256 or Git's id; None if nobody said it."""
        if not self.inside:
            return None
        said = self.recorded.get(path)
        place = self.folder / path
        blob = place.readlink().name if place.is_symlink() else ""
        for checksum in (said and said.lfs_sha256, said and said.blob_id, blob):
            if checksum and (_SHA256.fullmatch(checksum) or _GIT_ID.fullmatch(checksum)):
                return checksum
        return None

    def _is_sound(self, path: str) -> bool:
        place = self.folder / path
        try:
            if path.endswith(WEIGHTS) and not place.name.startswith("."):
                checked_size(place)
            elif path in {CONFIG, INDEX}:
                json_object(place)
        except ModelUnusable:
            return False
        return True


def _paths(folder: Path) -> Iterator[str]:
    for here, _, names in os.walk(folder):
        for name in sorted(names):
            yield Path(here, name).relative_to(folder).as_posix()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _digest(path: Path, like: str, advance: Callable[[int], None]) -> str:
    """sha256 of a file, or the id of its Git blob, whichever is as long as ``like``."""
    buffer = memoryview(bytearray(_PIECE))
    with path.open("rb", buffering=0) as file:
        if _SHA256.fullmatch(like):
            digest = hashlib.sha256()
        else:
            digest = hashlib.sha1(usedforsecurity=False)
            digest.update(b"blob %d\0" % os.fstat(file.fileno()).st_size)
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            advance(count)
    return digest.hexdigest()
