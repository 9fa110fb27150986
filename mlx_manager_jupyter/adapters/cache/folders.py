"""Models in folders of the user's own, beside the cache."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.cache.disk import Tally, entries, is_folder, status
from mlx_manager_jupyter.adapters.cache.model import (
    CachedModel,
    changed_ns,
    index_agrees,
    judge,
    moment,
)
from mlx_manager_jupyter.adapters.cache.weights import checked_size
from mlx_manager_jupyter.adapters.cache.whole import CONFIG, INDEX, WEIGHTS
from mlx_manager_jupyter.errors import ModelUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: ``<folder>/<organization>/<model>``, as LM Studio keeps them.
_DEPTH = 2


def models_in(folders: Sequence[Path]) -> Iterator[str]:
    """Absolute paths of the models in these folders, each once.

    A folder is a model, or has models, or has folders of models. A model has ``config.json`` and
    weights, or an index of them.
    """
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        # Not resolved: a folder is called what the user calls it.
        yield from _models(os.path.abspath(folder.expanduser()), _DEPTH, seen)  # noqa: PTH100


def look_at_folder(folder: str, now: int) -> CachedModel:
    """Look at a model's folder. ``now`` is in nanoseconds since the epoch."""
    stamp = [(folder, changed_ns(folder))]
    tally = Tally()
    files: dict[str, os.stat_result | None] = {}
    for entry in entries(folder):
        if entry.is_dir(follow_symlinks=False):
            _count(entry.path, tally, stamp)
            continue
        file = files[entry.name] = status(entry.path)
        if file:
            tally.add(entry.name, file)
        if entry.name in {CONFIG, INDEX} or entry.name.endswith(WEIGHTS):
            # A copy under way grows, and an edit changes a file, without a trace in its folder.
            stamp.append((entry.path, file.st_mtime_ns if file else -1))
    judgement = judge(folder, files, {})
    reason = judgement.reason or _unsound(folder, files, judgement.weights)
    return CachedModel(
        id=folder,
        path=Path(folder),
        revision=None,
        revisions=(),
        complete=reason is None,
        reason=reason,
        size_bytes=tally.size_bytes,
        weights_bytes=judgement.weights_bytes,
        partial_bytes=tally.partial_bytes,
        used_at=judgement.used_at,
        updated_at=moment(tally.updated_ns),
        has_modules="modules.json" in files,
        config=judgement.config,
        stamp=tuple(stamp),
        weight=judgement.weight_in(folder),
        seen_ns=now,
    )


def _models(folder: str, depth: int, seen: set[tuple[int, int]]) -> Iterator[str]:
    try:
        here = os.stat(folder)  # noqa: PTH116  quicker
    except (OSError, ValueError):
        return
    identity = here.st_dev, here.st_ino
    if identity in seen:  # by a link, which may lead round in a circle
        return
    seen.add(identity)
    found = entries(folder)
    names = {entry.name for entry in found}
    if CONFIG in names and (INDEX in names or any(name.endswith(WEIGHTS) for name in names)):
        yield folder
    elif depth:
        for entry in sorted(found, key=lambda each: each.name):
            if not entry.name.startswith(".") and is_folder(entry):
                yield from _models(entry.path, depth - 1, seen)


def _count(folder: str, tally: Tally, stamp: list[tuple[str, int]]) -> None:
    stamp.append((folder, changed_ns(folder)))
    for entry in entries(folder):
        if entry.is_dir(follow_symlinks=False):
            _count(entry.path, tally, stamp)
        elif file := status(entry.path):
            tally.add(entry.name, file)


def _unsound(
    folder: str,
    files: Mapping[str, os.stat_result | None],
    weights: Mapping[str, os.stat_result],
) -> str | None:
    """Nobody promises that a file in a folder is all there: it may be copied just now."""
    sizes = {name: file and file.st_size for name, file in files.items()}
    if index_agrees(folder, sizes):
        return None
    try:
        for name in weights:
            checked_size(Path(folder, name))
    except ModelUnusable as error:
        return error.message
    return None
