"""Models on this machine: find one and check it before an engine tries, list all, verify, tidy up.

`lookup` finds a folder, `tree` and `whole` know what it must have, `weights` reads headers: a few
milliseconds for a model of any size. `scan` lists all models, of which `repos` and `folders` look
at one. `verify` reads one whole. `partials` is about what downloads left behind. All is blocking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mlx_manager_jupyter.adapters.cache.lookup import hub_cache, local_folder, snapshot
from mlx_manager_jupyter.adapters.cache.model import CachedModel, read_template
from mlx_manager_jupyter.adapters.cache.partials import Partial, partials, remove_partials
from mlx_manager_jupyter.adapters.cache.scan import scan
from mlx_manager_jupyter.adapters.cache.tree import planned
from mlx_manager_jupyter.adapters.cache.verify import verify
from mlx_manager_jupyter.adapters.cache.weights import checked_size, json_object
from mlx_manager_jupyter.adapters.cache.whole import weight_files
from mlx_manager_jupyter.errors import InvalidValue

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CachedModel",
    "ModelFolder",
    "Partial",
    "hub_cache",
    "locate",
    "partials",
    "read_template",
    "remove_partials",
    "scan",
    "verify",
]


class ModelFolder(Struct, frozen=True):
    """A model whose files are all there and sound."""

    path: Path
    """The folder that holds ``config.json``."""
    model: str
    """As it was asked for."""
    revision: str | None
    """The full commit of a cached repo; None for a local folder."""
    size_bytes: int
    """Sum of the weight files."""
    config: dict[str, Any]
    """``config.json``."""


def locate(model: str, revision: str | None = None, *, cache: Path | None = None) -> ModelFolder:
    """Find a model and check it; one that is not whole is refused.

    Args:
        model: a folder (absolute, ``~``, or relative and existing) or a cached repo id.
        revision: a branch, a tag or a commit, abbreviated to no less than four digits. Unset means
            ``main``, or the newest there is of a repo that was never fetched at ``main``.
        cache: of Hugging Face; where its own variables say if None.

    Raises:
        UnknownModel: there is no such folder, repo or revision on this machine.
        InvalidValue: a revision of a local folder.
        NoWeights: files are missing.
        CorruptWeights: a file is cut short or is something else.
        ModelUnusable: a file can't be read.
    """
    folder, commit = local_folder(model), None
    if folder is None:
        folder = snapshot(model, revision, cache)
        commit = folder.name
    elif revision is not None:
        raise InvalidValue(
            f"{folder} is a local folder, which has no revision {revision!r}.",
            "Leave the revision unset, or name the model by its repo id.",
        )
    # First what is missing: an unfinished download explains more than the look of its files.
    weights = weight_files(folder, planned(folder))
    config = json_object(folder / "config.json")
    size = sum(checked_size(path) for path in weights)
    return ModelFolder(folder, model, commit, size, config)
