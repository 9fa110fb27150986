"""Is a file of a model what its name says, and as long as it says itself?"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.adapters.cache.lookup import how_to_pull, repo_id
from mlx_manager_jupyter.errors import CorruptWeights, ModelUnusable

if TYPE_CHECKING:
    from pathlib import Path

LENGTH_BYTES = 8
#: The bound that the safetensors library sets itself.
MAX_HEADER_BYTES = 100_000_000

_LFS_POINTER = b"version "  # … https://git-lfs.github.com/spec/v1


def json_object(path: Path) -> dict[str, Any]:
    """The content of a JSON file of the model.

    Raises:
        CorruptWeights: it is not a JSON object.
        ModelUnusable: it can't be read.
    """
    try:
        # The standard library's, because it takes NaN and Infinity as the engines do.
        content = json.loads(_read(path))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise corrupt(path, "is not a JSON object")
    return content


def checked_size(path: Path) -> int:
    """Size in bytes of a weight file that is as long as it says itself.

    The format of safetensors: 8 bytes little-endian with the header's length, the header in JSON,
    the tensors; see https://github.com/huggingface/safetensors#format. An ``.npz`` is a ZIP
    archive, whose table of contents comes last.

    Raises:
        CorruptWeights: it is cut short, or something else.
        ModelUnusable: it can't be read.
    """
    start, size = _read(path, LENGTH_BYTES), path.stat().st_size
    if path.suffix == ".npz":
        if zipfile.is_zipfile(path):
            return size
        raise corrupt(path, "is cut short or no archive")
    if start == _LFS_POINTER:
        raise CorruptWeights(
            f"{path.name} of {title(path.parent)} is a Git LFS pointer, not the weights ({path}).",
            f"Run `git lfs pull` in {path.parent}.",
        )
    length = int.from_bytes(start, "little")
    if LENGTH_BYTES + length > size or length > MAX_HEADER_BYTES:
        raise corrupt(path, "is cut short or no safetensors file")
    try:
        header = json.loads(_read(path, LENGTH_BYTES + length)[LENGTH_BYTES:])
        tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
        ends = [tensor["data_offsets"][1] for tensor in tensors]
        expected = LENGTH_BYTES + length + max(ends, default=0)
    except (ValueError, RecursionError, AttributeError, LookupError, TypeError):
        raise corrupt(path, "has a damaged header") from None
    if size != expected:
        raise corrupt(path, f"has {size:,} bytes where its header says {expected:,}")
    return size


def _read(path: Path, at_most: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(at_most)
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> ModelUnusable:
    """What to raise for a file or folder that can't be read."""
    return ModelUnusable(
        f"{path} can't be read: {error.strerror}.", "Check who may read it, and the disk."
    )


def corrupt(path: Path, what: str) -> CorruptWeights:
    """What to raise for a file that is not what it should be; ``what`` is a predicate."""
    return CorruptWeights(
        f"{path.name} of {title(path.parent)} {what} ({path}).", again(path.parent, delete=True)
    )


def title(folder: Path) -> str:
    """What people call a model's folder."""
    return _repo(folder) or folder.name


def again(folder: Path, *, delete: bool = False) -> str:
    """How to get a model that is not as it should be; ``delete`` if its files are in the way."""
    if not (repo := _repo(folder)):
        return "Download, copy or convert the model again."
    pull = how_to_pull(repo, folder.name)
    if delete:
        return f"Delete it with `jupyter mlx models rm {repo}` and download it again: {pull}."
    return f"Download it again: {pull}."


def _repo(folder: Path) -> str | None:
    """Which repo a folder of the Hugging Face cache is a snapshot of."""
    return repo_id(folder.parent.parent.name) if folder.parent.name == "snapshots" else None
