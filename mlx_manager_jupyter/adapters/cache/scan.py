"""The list of models: one pass over the disk, and next to nothing for what did not change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.adapters.cache.disk import status
from mlx_manager_jupyter.adapters.cache.folders import look_at_folder, models_in
from mlx_manager_jupyter.adapters.cache.model import CachedModel, moment, used_ns
from mlx_manager_jupyter.adapters.cache.repos import look_at_repo, repos_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_NOTHING: Mapping[str, CachedModel] = {}


def scan(
    cache: Path, folders: Sequence[Path] = (), known: Mapping[str, CachedModel] = _NOTHING
) -> dict[str, CachedModel]:
    """List the models of this machine by id. Blocking: 0.2 ms a model, 0.02 ms if it is known.

    A repo is a model if it has weights that MLX can load, or a ``config.json`` or a file that is
    being downloaded and no weights of another format. What can't be read is not there.

    Args:
        cache: of Hugging Face; it need not exist.
        folders: models, or folders of models, or folders of those.
        known: of an earlier scan. What did not change since is the same object again, or one that
            differs in ``used_at`` alone.
    """
    now = time.time_ns()
    found: dict[str, CachedModel] = {}
    for name, repo in repos_in(cache):
        model = _recalled(known.get(name), f"{repo}/blobs") or look_at_repo(name, repo, now)
        if model:
            found[name] = model
    for folder in models_in(folders):
        found[folder] = _recalled(known.get(folder), folder) or look_at_folder(folder, now)
    return found


def _recalled(known: CachedModel | None, place: str) -> CachedModel | None:
    """What is known, if it is of this place and still true."""
    if known is None or known.stamp[0][0] != place or not known.is_current():
        return None
    if known.weight is None:
        return known
    file = status(known.weight)
    if file is None:
        return None  # taken out of the store that repos share
    used = moment(used_ns(file))
    if used is None or (known.used_at and used <= known.used_at):
        return known
    return replace(known, used_at=used)
