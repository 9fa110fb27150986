"""Is a model all there? Told by names and sizes alone, so it can be asked of a thousand models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.cache.weights import (
    again,
    corrupt,
    json_object,
    title,
    unreadable,
)
from mlx_manager_jupyter.errors import NoWeights

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from pathlib import Path

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"
#: What holds weights that MLX loads, the usual one first.
WEIGHTS = (".safetensors", ".npz")
#: Weights in formats of others.
OTHER_FORMATS = (".bin", ".gguf", ".pt", ".pth")
#: Beside weights and config. Without one of these, if the commit has it, an engine does not start
#: or, worse, quietly talks to the model in another way.
ESSENTIAL = frozenset(
    {
        "chat_template.jinja",
        "chat_template.json",
        "preprocessor_config.json",
        "processor_config.json",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
    }
)
_BESIDE = (INDEX, *sorted(ESSENTIAL))

#: An index must not lead us out of its folder; dotted names are Finder's own files.
_PLAIN = re.compile(r"[^./\0][^/\0]*\.safetensors")
_ARCHIVE = re.compile(r"[^./\0][^/\0]*\.npz")
_SHARD = re.compile(r"(.+)-\d{5}-of-(\d{5})\.safetensors")
_NAMES_SHOWN = 5


def weight_files(folder: Path, planned: Mapping[str, int]) -> list[Path]:
    """The weight files, once they, ``config.json`` and what engines need beside are all there.

    Args:
        folder: of the model.
        planned: size in bytes by path of all files of its commit; empty if nobody knows.

    Raises:
        NoWeights: some are missing; the message names them.
        CorruptWeights: the index is not one, or a file has another size than its commit says.
        ModelUnusable: the folder can't be read.
    """
    sizes = sizes_in(folder)
    wanted = required(sizes, planned, lambda: named_by_index(folder / INDEX))
    if problem := lacking(sizes, wanted, planned):
        others = sorted(name for name in sizes if name.endswith(OTHER_FORMATS))
        raise NoWeights(
            f"{title(folder)} {problem} in {folder}.",
            f"Its weights are in another format ({others[0]}): convert it with `mlx_lm.convert`."
            if others and not wanted
            else again(folder),
        )
    if odd := misfit(sizes, wanted, planned):
        raise corrupt(folder / odd[0], odd[1])
    return [folder / name for name in sorted(wanted)]


def required(
    sizes: Mapping[str, int | None], planned: Mapping[str, int], indexed: Callable[[], set[str]]
) -> set[str]:
    """Names of the weight files that a model must have to be loaded.

    They are what the index names, or else ``model*.safetensors``, or else every ``*.safetensors``:
    many repos keep the same weights a second time under another name. Where there are none,
    ``*.npz``.

    Args:
        sizes: in bytes of the files in the top folder; None for a link into nothing.
        planned: as of `weight_files`.
        indexed: reads the index; called if there is one.
    """
    if INDEX not in sizes:
        return named_by_files({*sizes, *planned})
    return indexed() if sizes[INDEX] is not None else {INDEX}


def absent(
    sizes: Mapping[str, int | None], wanted: Collection[str], planned: Mapping[str, int]
) -> list[str]:
    """Names of the files that a model must have and has not.

    Args:
        sizes: as of `required`.
        wanted: what `required` said.
        planned: as of `weight_files`.
    """
    missing = [name for name in _names(wanted, planned) if sizes.get(name) is None]
    return missing if wanted else [*missing, "*.safetensors"]


def lacking(
    sizes: Mapping[str, int | None], wanted: Collection[str], planned: Mapping[str, int]
) -> str | None:
    """The same as a predicate; None if nothing is missing."""
    missing = absent(sizes, wanted, planned)
    if not missing:
        return None
    more = len(missing) - _NAMES_SHOWN
    return f"lacks {', '.join(missing[:_NAMES_SHOWN])}" + (f" and {more} more" if more > 0 else "")


def misfit(
    sizes: Mapping[str, int | None], wanted: Collection[str], planned: Mapping[str, int]
) -> tuple[str, str] | None:
    """A file that is not as long as its commit says, and this as a predicate; None if all are.

    Args:
        sizes: as of `required`, nothing `lacking`.
        wanted: what `required` said.
        planned: as of `weight_files`.
    """
    for name in _names(wanted, planned):
        size, right = sizes[name], planned.get(name)
        if right is not None and size != right:
            return name, f"has {size:,} bytes where its commit has {right:,}"
    return None


def named_by_index(index: Path) -> set[str]:
    """The files that an index names.

    Raises:
        CorruptWeights: it names none, or some outside of its folder, or is no index.
        ModelUnusable: it can't be read.
    """
    weight_map = json_object(index).get("weight_map")
    shards = list(weight_map.values()) if isinstance(weight_map, dict) else []
    if not shards or not all(isinstance(name, str) and _PLAIN.fullmatch(name) for name in shards):
        raise corrupt(index, "does not name files of its folder")
    return set(shards)


def named_by_files(names: Iterable[str]) -> set[str]:
    """Names of weight files, as far as those of the folder's files tell."""
    names = [name for name in names if name.endswith(WEIGHTS)]
    weights = {name for name in names if _PLAIN.fullmatch(name)}
    weights = {name for name in weights if name.startswith("model")} or weights
    # Without an index, model-00002-of-00003 still tells how its siblings are called.
    shards = {found.groups() for name in weights if (found := _SHARD.fullmatch(name))}
    weights |= {
        f"{stem}-{number:05}-of-{count}.safetensors"
        for stem, count in shards
        for number in range(1, int(count) + 1)
    }
    return weights or {name for name in names if _ARCHIVE.fullmatch(name)}


def _names(wanted: Collection[str], planned: Mapping[str, int]) -> Iterator[str]:
    yield CONFIG
    yield from sorted(wanted)
    if planned:
        yield from (name for name in _BESIDE if name in planned and name not in wanted)


def sizes_in(folder: Path) -> dict[str, int | None]:
    """In bytes of the files in a folder; None for a link into nothing. Raises ModelUnusable."""
    try:
        return {path.name: _size(path) for path in folder.iterdir()}
    except OSError as error:
        raise unreadable(folder, error) from error


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None
