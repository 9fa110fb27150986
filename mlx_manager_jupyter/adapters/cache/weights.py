"""Are all files of a model there, and is each as long as it says itself?"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.errors import CorruptWeights, ModelUnusable, NoWeights

if TYPE_CHECKING:
    from pathlib import Path

INDEX = "model.safetensors.index.json"
LENGTH_BYTES = 8
#: The bound that the safetensors library sets itself.
MAX_HEADER_BYTES = 100_000_000

#: An index must not lead us out of its folder; dotted names are Finder's own files.
_PLAIN = re.compile(r"[^./\0][^/\0]*\.safetensors")
_SHARD = re.compile(r"(.+)-\d{5}-of-(\d{5})\.safetensors")
_OTHER_FORMATS = (".bin", ".gguf", ".pt", ".pth", ".npz")
_LFS_POINTER = b"version "  # … https://git-lfs.github.com/spec/v1
_NAMES_SHOWN = 5


def weight_files(folder: Path) -> list[Path]:
    """The weight files, once they and ``config.json`` are all there.

    They are what the index names, or else ``model*.safetensors``, or else every ``*.safetensors``:
    many repos keep the same weights a second time under another name.

    Raises:
        NoWeights: some are missing; the message names them.
        CorruptWeights: the index is not one.
        ModelUnusable: the folder can't be read.
    """
    names = _names_in(folder)
    wanted = _named_by_index(folder / INDEX) if INDEX in names else _named_by_files(names)
    missing = [name for name in ("config.json", *sorted(wanted)) if not _is_there(folder / name)]
    if not wanted:
        missing.append("*.safetensors")
    if missing:
        more = len(missing) - _NAMES_SHOWN
        listed = ", ".join(missing[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
        others = sorted(name for name in names if name.endswith(_OTHER_FORMATS))
        raise NoWeights(
            f"{_title(folder)} lacks {listed} in {folder}.",
            f"Its weights are in another format ({others[0]}): convert it with `mlx_lm.convert`."
            if others and not wanted
            else _again(folder),
        )
    return [folder / name for name in sorted(wanted)]


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
        raise _corrupt(path, "is not a JSON object")
    return content


def checked_size(path: Path) -> int:
    """Size in bytes of a safetensors file that is as long as its own header says.

    The format: 8 bytes little-endian with the header's length, the header in JSON, the tensors; see
    https://github.com/huggingface/safetensors#format.

    Raises:
        CorruptWeights: it is cut short, or something else.
        ModelUnusable: it can't be read.
    """
    start, size = _read(path, LENGTH_BYTES), path.stat().st_size
    if start == _LFS_POINTER:
        raise CorruptWeights(
            f"{path.name} of {_title(path.parent)} is a Git LFS pointer, not the weights ({path}).",
            f"Run `git lfs pull` in {path.parent}.",
        )
    length = int.from_bytes(start, "little")
    if LENGTH_BYTES + length > size or length > MAX_HEADER_BYTES:
        raise _corrupt(path, "is cut short or no safetensors file")
    try:
        header = json.loads(_read(path, LENGTH_BYTES + length)[LENGTH_BYTES:])
        tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
        ends = [tensor["data_offsets"][1] for tensor in tensors]
        expected = LENGTH_BYTES + length + max(ends, default=0)
    except (ValueError, RecursionError, AttributeError, LookupError, TypeError):
        raise _corrupt(path, "has a damaged header") from None
    if size != expected:
        raise _corrupt(path, f"has {size:,} bytes where its header says {expected:,}")
    return size


def _named_by_index(index: Path) -> set[str]:
    if not _is_there(index):
        return {INDEX}
    weight_map = json_object(index).get("weight_map")
    shards = list(weight_map.values()) if isinstance(weight_map, dict) else []
    if not shards or not all(isinstance(name, str) and _PLAIN.fullmatch(name) for name in shards):
        raise _corrupt(index, "does not name files of its folder")
    return set(shards)


def _named_by_files(names: set[str]) -> set[str]:
    weights = {name for name in names if _PLAIN.fullmatch(name)}
    weights = {name for name in weights if name.startswith("model")} or weights
    # Without an index, model-00002-of-00003 still tells how its siblings are called.
    shards = {found.groups() for name in weights if (found := _SHARD.fullmatch(name))}
    return weights | {
        f"{stem}-{number:05}-of-{count}.safetensors"
        for stem, count in shards
        for number in range(1, int(count) + 1)
    }


def _names_in(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir()}
    except OSError as error:
        raise _unreadable(folder, error) from error


def _is_there(path: Path) -> bool:
    """False also for a link into nothing, which is what a broken download leaves."""
    try:
        return path.is_file()
    except OSError:
        return False


def _read(path: Path, at_most: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(at_most)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ModelUnusable:
    return ModelUnusable(
        f"{path} can't be read: {error.strerror}.", "Check who may read it, and the disk."
    )


def _corrupt(path: Path, what: str) -> CorruptWeights:
    return CorruptWeights(
        f"{path.name} of {_title(path.parent)} {what} ({path}).",
        _again(path.parent, " --force-download"),
    )


def _repo_id(folder: Path) -> str | None:
    """Which repo a folder of the Hugging Face cache is a snapshot of."""
    repo = folder.parent.parent.name
    is_snapshot = folder.parent.name == "snapshots" and repo.startswith("models--")
    return repo.removeprefix("models--").replace("--", "/") if is_snapshot else None


def _title(folder: Path) -> str:
    return _repo_id(folder) or folder.name


def _again(folder: Path, option: str = "") -> str:
    if repo := _repo_id(folder):
        return f"Download it again: `hf download {repo} --revision {folder.name}{option}`."
    return "Download, copy or convert the model again."
