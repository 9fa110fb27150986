"""What downloads left behind, and its removal.

A download holds a lock in ``<cache>/.locks/models--org--name`` as long as it lives: huggingface_hub
one for each file, our worker one for the repo. Whoever removes something holds them all meanwhile.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from mlx_manager_jupyter.adapters.cache.disk import PARTIAL, allocated
from mlx_manager_jupyter.adapters.cache.repos import repos_in
from mlx_manager_jupyter.schema import Pruned

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from filelock import FileLock

#: As the download worker names it.
_REPO_LOCK = "mlx-manager.lock"
#: huggingface_hub makes a repo's folders before it locks the first file.
_YOUNG_SECONDS = 60.0


class Partial(Struct, frozen=True):
    """Something that is of no use but to the download that made it."""

    path: Path
    """A file that is not finished, a link of a snapshot into nothing, or the folder of a repo that
    has no file at all."""
    model: str
    size_bytes: int
    """On the disk."""
    modified_at: datetime
    in_use: bool
    """A download works with it, or will go on with it."""


def partials(cache: Path, keep: Collection[str] = ()) -> list[Partial]:
    """What is left of downloads, by model. Blocking.

    Args:
        cache: of Hugging Face.
        keep: models and paths that are in use though nobody holds a lock, as of a paused download.
    """
    found = []
    for model, folder in repos_in(cache):
        left = _left_in(Path(folder))
        busy = bool(left) and (model in keep or _is_busy(cache, Path(folder).name))
        found += [_partial(path, model, in_use=busy or str(path) in keep) for path in left]
    return sorted(found, key=lambda each: (each.model, each.path))


def remove_partials(cache: Path, keep: Collection[str] = ()) -> Pruned:
    """Remove what `partials` finds and nobody uses; what can't be removed stays. Blocking."""
    freed, models = 0, []
    for model, folder in repos_in(cache):
        repo = Path(folder)
        if model in keep or not _left_in(repo):
            continue
        with ExitStack() as locks:
            if not _lock(locks, cache, repo.name):
                continue
            # Only now: a download may have ended since.
            left = [_partial(path, model, in_use=str(path) in keep) for path in _left_in(repo)]
            removed = [each for each in left if not each.in_use and _remove(each.path)]
            if removed and _left_in(repo) == [repo]:
                _remove(repo)
        if removed:
            freed += sum(each.size_bytes for each in removed)
            models.append(model)
    return Pruned(freed_bytes=freed, models=tuple(sorted(models)))


def _left_in(repo: Path) -> list[Path]:
    """What is of no use in a repo; nothing if that can't be known."""
    blobs, snapshots = repo / "blobs", repo / "snapshots"
    if any(path.is_symlink() for path in (repo, blobs, snapshots)):
        return []  # what is elsewhere, perhaps on a disk that is not plugged in, is not the cache's
    try:
        names = {path.name for path in blobs.iterdir()} if blobs.exists() else set()
        files = list(_files(snapshots))
    except OSError:
        return []
    if not names:
        # Files without a single blob: a cache without links, or one whose disk is not plugged in.
        return [] if files else [repo]
    parts = sorted(blobs / name for name in names if name.endswith(PARTIAL))
    links = [path for path in files if (blob := _target(path, blobs)) and blob.name not in names]
    return [*parts, *links]


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder. Raises OSError."""

    def refuse(error: OSError) -> None:
        raise error

    if folder.exists():
        for here, _, names in os.walk(folder, onerror=refuse):
            yield from (Path(here, name) for name in sorted(names))


def _target(path: Path, blobs: Path) -> Path | None:
    """The blob that a file of a snapshot leads to; None if it is none, or leads elsewhere."""
    if not path.is_symlink():
        return None
    end = Path(os.path.normpath(path.parent / path.readlink()))
    return end if end.parent == blobs else None


def _partial(path: Path, model: str, *, in_use: bool) -> Partial:
    try:
        file = path.lstat()
        if stat.S_ISDIR(file.st_mode):
            changed = max(each.lstat().st_mtime for each in (path, *path.iterdir()))
            in_use = in_use or changed + _YOUNG_SECONDS > time.time()
    except OSError:  # gone meanwhile, so somebody is at work
        return Partial(path, model, 0, datetime.fromtimestamp(0, UTC), in_use=True)
    return Partial(
        path=path,
        model=model,
        size_bytes=allocated(file) if stat.S_ISREG(file.st_mode) else 0,
        modified_at=datetime.fromtimestamp(file.st_mtime, UTC),
        in_use=in_use,
    )


def _locks(cache: Path, repo: str) -> list[Path]:
    try:
        return sorted((cache / ".locks" / repo).glob("*.lock"))
    except OSError:
        return []


def _is_busy(cache: Path, repo: str) -> bool:
    for path in _locks(cache, repo):
        try:
            with _taken(path):
                pass
        except OSError:
            return True
    return False


def _lock(held: ExitStack, cache: Path, repo: str) -> bool:
    """Keep downloads of a repo away until ``held`` is closed; False if one is at work."""
    own = cache / ".locks" / repo / _REPO_LOCK
    try:
        own.parent.mkdir(parents=True, exist_ok=True)
        for path in {own, *_locks(cache, repo)}:
            # Others, of the same group, download into the same cache.
            held.enter_context(_taken(path, 0o664))
    except OSError:
        return False
    return True


def _taken(path: Path, mode: int = -1) -> FileLock:
    """As huggingface_hub takes it, so that each sees the other; a `TimeoutError` if it is held."""
    from filelock import FileLock  # noqa: PLC0415  not at start-up

    return FileLock(path, timeout=0, mode=mode)


def _remove(path: Path) -> bool:
    if path.is_symlink() or not path.is_dir():
        with suppress(OSError):
            path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
    return not os.path.lexists(path)
