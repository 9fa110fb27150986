"""Which files of a repo are fetched."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlx_manager_jupyter.schema import ModelFile

#: What holds weights that MLX can read.
WEIGHTS = (".safetensors", ".npz")

#: What MLX never reads: weights of other frameworks, the originals, Git's own files. All else is
#: fetched, since audio and vision models need files that no list foresees.
UNWANTED = (
    "*.bin",
    "*.ckpt",
    "*.gguf",
    "*.h5",
    "*.mlmodel",
    "*.mlpackage/*",
    "*.msgpack",
    "*.nemo",
    "*.onnx",
    "*.onnx_data",
    "*.pickle",
    "*.pkl",
    "*.pt",
    "*.pth",
    "*.tflite",
    ".git*",
    "original/*",
    "rust_model.*",
)
#: Mistral's repos have the same weights a second time under this name.
_TWICE = "consolidated*.safetensors"


def wanted(
    files: Sequence[ModelFile],
    *,
    all: bool = False,  # noqa: A002  the name on the wire
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> tuple[ModelFile, ...]:
    """The files that a download fetches, in the order of ``files``.

    Args:
        files: of the repo.
        all: leave nothing out of what MLX does not need.
        include: shell patterns over whole paths, as for ``hf download``; a folder's name ends with
            a slash. They say what is wanted, so MLX's needs are not asked.
        exclude: the same; wins over all others.
    """
    kept = list(files)
    if include:
        kept = [file for file in kept if _matches(file.path, include)]
    elif not all:
        kept = [file for file in kept if not _matches(file.path, UNWANTED)]
        if any(fnmatchcase(file.path, "model*.safetensors") for file in kept):
            kept = [file for file in kept if not fnmatchcase(file.path, _TWICE)]
    return tuple(file for file in kept if not _matches(file.path, exclude))


def has_weights(files: Iterable[ModelFile]) -> bool:
    """Whether MLX could load any of them."""
    return any(file.path.endswith(WEIGHTS) for file in files)


def _matches(path: str, patterns: Sequence[str]) -> bool:
    # As huggingface_hub's filter_repo_objects: a star crosses slashes, a folder means all in it.
    return any(fnmatchcase(path, f"{each}*" if each.endswith("/") else each) for each in patterns)
