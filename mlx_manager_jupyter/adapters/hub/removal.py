"""Delete a repo from the cache, by huggingface_hub's own hands.

What it knows and a plain removal of the folder would not: the payload of a file may lie in the
store that all repos of the cache share, from where it goes with its last user.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.hub.ids import check_id
from mlx_manager_jupyter.errors import Conflict, UnknownModel

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 512  # what st_blocks counts, whatever the file system's blocks are


def delete(cache: Path, model: str) -> int:
    """Delete all revisions of a cached repo, what is unfinished of it, and its locks. Blocking.

    A repo that huggingface_hub would call corrupted, such as one whose branch names a commit that
    is not there, is deleted like any other.

    Args:
        cache: folder of the Hugging Face cache.
        model: repo id. Nothing outside the cache's folder of that repo is ever touched.

    Returns:
        Bytes freed. Of an unfinished file, those that were on the disk.

    Raises:
        UnknownModel: the cache has no such repo, or no repo can have this id.
        Conflict: the repo's folder is a link, or some of it would not go.
    """
    check_id(model)
    # Not scan_cache_dir() and delete_revisions(): these read the whole cache, a second for 1000
    # repos, refuse those that they call corrupted, and else come to this very strategy.
    from huggingface_hub import DeleteCacheStrategy  # noqa: PLC0415
    from huggingface_hub.file_download import repo_folder_name  # noqa: PLC0415

    cache = cache.expanduser().resolve()
    name = repo_folder_name(repo_id=model, repo_type="model")
    folder = cache / name
    if folder.is_symlink():
        raise Conflict(
            f"{folder} is a link to {folder.readlink()}, which is not the cache's to delete.",
            "Delete the link, and what it leads to, yourself.",
        )
    if not folder.is_dir():
        raise UnknownModel(f"There is no model {model!r} in {cache}.")
    own = sum(_sizes(folder))
    shared = dict(_shared(folder / "blobs", cache / "blobs"))
    strategy = DeleteCacheStrategy(
        expected_freed_size=own,
        blobs=frozenset(),
        refs=frozenset(),
        repos=frozenset({folder}),
        snapshots=frozenset(),
        cache_dir=cache,
    )
    problem = "permission denied"  # huggingface_hub keeps this one to itself
    try:
        strategy.execute()
    except OSError as error:
        problem = str(error)
    if folder.exists():
        raise Conflict(
            f"{model} could not be deleted whole: {problem}.",
            f"End what works with it, see whose {folder} is, and delete it again.",
        )
    _delete_locks(cache, name)
    return own + sum(size for payload, size in shared.items() if not payload.exists())


def _sizes(folder: Path) -> Iterator[int]:
    """Of the folder's own files: links don't count, two names of one file count once."""
    seen: set[tuple[int, int]] = set()
    for here, _, names in os.walk(folder):
        for name in names:
            status = (Path(here) / name).lstat()
            file = status.st_dev, status.st_ino
            if stat.S_ISLNK(status.st_mode) or file in seen:
                continue
            seen.add(file)
            # A download that writes at several places makes its file long at once.
            is_partial = name.endswith(".incomplete")
            on_disk = status.st_blocks * _BLOCK
            yield min(status.st_size, on_disk) if is_partial else status.st_size


def _shared(blobs: Path, store: Path) -> Iterator[tuple[Path, int]]:
    """Payloads in the shared store that the repo's blobs lead to, with their sizes."""
    for blob in blobs.iterdir() if blobs.is_dir() else ():
        payload = blob.resolve()
        if blob.is_symlink() and payload.is_relative_to(store) and payload.is_file():
            yield payload, payload.stat().st_size


def _delete_locks(cache: Path, name: str) -> None:
    folder = cache / ".locks" / name
    if folder.resolve() == folder:  # no link on the way
        shutil.rmtree(folder, ignore_errors=True)
