"""One repo of the Hugging Face cache.

::

    <repo>/blobs/<sha256 or git sha1>      content, or a link into the store that repos share
    <repo>/blobs/<…>.incomplete            what is being downloaded
    <repo>/refs/main                       a commit
    <repo>/snapshots/<commit>/config.json  -> ../../blobs/<…>, or the file itself where the file
                                           system has no links
    <repo>/trees/<commit>.json             all files of the commit
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.cache.disk import Tally, entries, is_folder, status
from mlx_manager_jupyter.adapters.cache.lookup import repo_id
from mlx_manager_jupyter.adapters.cache.model import CachedModel, changed_ns, judge, moment
from mlx_manager_jupyter.adapters.cache.tree import read_tree
from mlx_manager_jupyter.adapters.cache.whole import (
    CONFIG,
    ESSENTIAL,
    INDEX,
    OTHER_FORMATS,
    WEIGHTS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_JUDGED = frozenset({CONFIG, INDEX, *ESSENTIAL})


def repos_in(cache: Path) -> Iterator[tuple[str, str]]:
    """Ids and folders of the models' repos; data sets, locks and the shared store are others."""
    for entry in entries(str(cache)):
        if (name := repo_id(entry.name)) and is_folder(entry):
            yield name, entry.path


def look_at_repo(model: str, repo: str, now: int) -> CachedModel | None:
    """Look at a repo of the cache; None if it is no model.

    Args:
        model: its id.
        repo: its folder.
        now: nanoseconds since the epoch.
    """
    # Times before content: what changes between the two is seen the next time.
    stamp = [
        (place, changed_ns(place))
        for place in (f"{repo}/blobs", f"{repo}/refs/main", f"{repo}/trees", f"{repo}/snapshots")
    ]
    snapshots = {each.name: each.path for each in entries(f"{repo}/snapshots") if is_folder(each)}
    ages = {commit: changed_ns(path) for commit, path in snapshots.items()}
    stamp += [(path, ages[commit]) for commit, path in snapshots.items()]
    tally, names = Tally(), set[str]()
    blobs = _blobs(f"{repo}/blobs", tally)
    tops = {commit: _walk(path, tally, names, stamp) for commit, path in snapshots.items()}
    commit = _main(repo)
    if commit not in snapshots:
        commit = max(ages, key=lambda each: (ages[each], each), default=None)
    planned = {}
    if commit:
        tree = read_tree(f"{repo}/trees/{commit}.json")
        planned = {path: file.size for path, file in tree.items()}
    if not _is_model(names, planned, partials=tally.partials):
        return None
    folder = snapshots[commit] if commit else repo
    files = _judged(tops[commit], blobs) if commit else {}
    judgement = judge(folder, files, planned)
    return CachedModel(
        id=model,
        path=Path(folder),
        revision=commit,
        revisions=tuple(sorted(snapshots)),
        complete=judgement.reason is None,
        reason=judgement.reason if commit else "None of its files is there yet.",
        size_bytes=tally.size_bytes,
        weights_bytes=judgement.weights_bytes,
        partial_bytes=tally.partial_bytes,
        used_at=judgement.used_at,
        updated_at=moment(tally.updated_ns),
        has_modules=any(each.name == "modules.json" for each in tops.get(commit or "", ())),
        config=judgement.config,
        stamp=tuple(stamp),
        weight=judgement.weight_in(folder),
        seen_ns=now,
    )


def _blobs(folder: str, tally: Tally) -> dict[str, os.stat_result]:
    """By name, at the end of their links."""
    found = {}
    for entry in entries(folder):
        try:
            file = entry.stat()
        except OSError:
            continue  # it is no part any more, or lost its place in the store that repos share
        if stat.S_ISREG(file.st_mode):
            tally.add(entry.name, file)
            found[entry.name] = file
    return found


def _walk(
    folder: str, tally: Tally, names: set[str], stamp: list[tuple[str, int]]
) -> list[os.DirEntry[str]]:
    """The files in a snapshot's top folder; those below are counted, and their names noted."""
    top = []
    for entry in entries(folder):
        if entry.is_dir(follow_symlinks=False):
            stamp.append((entry.path, changed_ns(entry.path)))
            _walk(entry.path, tally, names, stamp)
            continue
        top.append(entry)
        names.add(entry.name)
        if not entry.is_symlink() and (file := status(entry.path)):
            tally.add(entry.name, file)
    return top


def _main(repo: str) -> str | None:
    try:
        with open(f"{repo}/refs/main", "rb", buffering=0) as file:  # noqa: PTH123  quicker
            return file.read().decode("ascii", "replace").strip()
    except OSError:
        return None


def _is_model(names: Iterable[str], planned: Iterable[str], *, partials: int) -> bool:
    if any(name.endswith(WEIGHTS) for name in names):
        return True
    if any(name.endswith(OTHER_FORMATS) for name in names):
        return False
    if planned and not any(path.endswith(WEIGHTS) for path in planned):
        return False
    return CONFIG in names or partials > 0


def _judged(
    top: Iterable[os.DirEntry[str]], blobs: dict[str, os.stat_result]
) -> dict[str, os.stat_result | None]:
    return {
        entry.name: _end(entry, blobs)
        for entry in top
        if entry.name in _JUDGED or entry.name.endswith(WEIGHTS)
    }


def _end(entry: os.DirEntry[str], blobs: dict[str, os.stat_result]) -> os.stat_result | None:
    """Where a file of a snapshot leads to; to read the link is quicker than to follow it."""
    try:
        target = os.readlink(entry.path) if entry.is_symlink() else ""  # noqa: PTH115  quicker
    except OSError:
        return None
    prefix, _, name = target.rpartition("/")
    return (blobs.get(name) if prefix == "../../blobs" else None) or status(entry.path)
