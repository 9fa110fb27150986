"""Find a model on this machine and check that its files can be loaded, before an engine tries.

`lookup` finds the folder, `weights` checks what is in it. Only names, sizes and headers are read:
a few milliseconds for a model of any size. Blocking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.adapters.cache.lookup import local_folder, snapshot
from mlx_manager_jupyter.adapters.cache.weights import checked_size, json_object, weight_files
from mlx_manager_jupyter.errors import InvalidValue

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ModelFolder", "locate"]


@dataclass(frozen=True)
class ModelFolder:
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


def locate(model: str, revision: str | None = None) -> ModelFolder:
    """Find a folder (absolute, ``~``, or relative and existing) or a cached repo id, and check it.

    ``revision`` is a branch, a tag or a commit, abbreviated to no less than four digits; unset
    means ``main``.

    Raises:
        UnknownModel: there is no such folder, repo or revision on this machine.
        InvalidValue: a revision of a local folder.
        NoWeights: files are missing.
        CorruptWeights: a file is cut short or is something else.
        ModelUnusable: a file can't be read.
    """
    folder, commit = local_folder(model), None
    if folder is None:
        folder = snapshot(model, revision)
        commit = folder.name
    elif revision is not None:
        raise InvalidValue(
            f"{folder} is a local folder, which has no revision {revision!r}.",
            "Leave the revision unset, or name the model by its repo id.",
        )
    # First what is missing: an unfinished download explains more than the look of its files.
    weights = weight_files(folder)
    config = json_object(folder / "config.json")
    size = sum(checked_size(path) for path in weights)
    return ModelFolder(folder, model, commit, size, config)
