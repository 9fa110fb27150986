"""One model as the list of models has it, told by names, sizes and times; no weights are read.

Reading them, if only their headers, would change when they were last used, a thousand times.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import astuple

from mlx_manager_jupyter.adapters.cache.whole import (
    CONFIG,
    INDEX,
    WEIGHTS,
    lacking,
    misfit,
    named_by_files,
    named_by_index,
    required,
)
from mlx_manager_jupyter.errors import ModelUnusable

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Path and time of its last change in ns, -1 if it is not there: unchanged as long as these are.
Stamp = tuple[tuple[str, int], ...]

#: Two changes closer than a file system's clock ticks look like one; FAT has the coarsest.
SETTLED_NS = 2_000_000_000

_INDEX_HEAD = 4096
_TOTAL_SIZE = re.compile(rb'"total_size"\s*:\s*(\d+)\s*[,}]')
#: How much longer than their tensors weight files may be: their headers.
_HEADERS_SHARE = 1 / 256


class CachedModel(Struct, frozen=True, eq=False):
    """A model in the cache or in a folder beside it."""

    id: str
    """Repo id, or the absolute path of a folder."""
    path: Path
    """The snapshot that is meant where nobody names a revision, or the folder. If there is no
    snapshot at all, the repo's folder in the cache."""
    revision: str | None
    """The commit of ``path``; None for a folder, or if there is no snapshot."""
    revisions: tuple[str, ...]
    """All commits that there are snapshots of."""
    complete: bool
    """As far as names and sizes tell; `locate` also reads the headers of the weights."""
    reason: str | None
    """Why it is not complete, as a sentence."""
    size_bytes: int
    """Of all finished files of all revisions, each once."""
    weights_bytes: int
    """Of the weight files of ``path`` that are there."""
    partial_bytes: int
    """On the disk in files that are not finished."""
    used_at: datetime | None
    """When weights were last read, as far as the file system keeps that, or else written."""
    updated_at: datetime | None
    """When a file last changed."""
    has_modules: bool
    """There is a ``modules.json``, as of sentence-transformers."""
    config: dict[str, Any] | None
    """``config.json``; None if there is none that can be read."""
    stamp: Stamp
    """Two that are equal come from the same state of the disk."""
    weight: str | None
    """Path of one of its weight files."""
    seen_ns: int
    """When this was looked at, in ns since the epoch. Two that differ in it alone are equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CachedModel) and astuple(self)[:-1] == astuple(other)[:-1]

    def __hash__(self) -> int:
        return hash((self.id, self.stamp))

    def is_current(self) -> bool:
        """Whether nothing changed on the disk since, but perhaps ``used_at``."""
        if max(at for _, at in self.stamp) + SETTLED_NS > self.seen_ns:
            return False
        return all(changed_ns(path) == at for path, at in self.stamp)


class Judgement(Struct):
    """What the files in a model's top folder amount to."""

    reason: str | None
    """Why it is not complete; None if it is."""
    weights: dict[str, os.stat_result]
    """Those of its weight files that are there, by name."""
    config: dict[str, Any] | None

    @property
    def weights_bytes(self) -> int:
        """Of these."""
        return sum(file.st_size for file in self.weights.values())

    @property
    def used_at(self) -> datetime | None:
        """When weights were last read."""
        return moment(max(map(used_ns, self.weights.values()), default=-1))

    def weight_in(self, folder: str) -> str | None:
        """Path of the first weight file."""
        return f"{folder}/{min(self.weights)}" if self.weights else None


def judge(
    folder: str, files: Mapping[str, os.stat_result | None], planned: Mapping[str, int]
) -> Judgement:
    """Say whether a model is all there.

    Args:
        folder: of the model.
        files: in its top folder, by name; None for a link into nothing. Of those that `required`
            and `lacking` don't ask for, some may be left out.
        planned: size in bytes by path of all files of its commit; empty if nobody knows.
    """
    sizes = {name: file and file.st_size for name, file in files.items()}
    config = _config(folder) if files.get(CONFIG) else None
    reason: str | None
    try:
        wanted = required(sizes, planned, lambda: _indexed(folder, sizes, planned))
        reason = _reason(sizes, wanted, planned, config)
    except ModelUnusable as error:
        wanted, reason = named_by_files(sizes), error.message
    weights = {name: file for name in wanted if (file := files.get(name))}
    return Judgement(reason, weights, config)


def index_agrees(folder: str, sizes: Mapping[str, int | None]) -> bool:
    """Whether the weight files are together as long as their index says, which is soon read.

    An index has the sum of the tensors' sizes at its beginning, and the names of a thousand tensors
    after it. If the sum is right, no file is missing and none is cut short.
    """
    try:
        with open(f"{folder}/{INDEX}", "rb", buffering=0) as file:  # noqa: PTH123  quicker
            found = _TOTAL_SIZE.search(file.read(_INDEX_HEAD))
    except OSError:
        return False
    total = int(found[1]) if found else 0
    there = sum(sizes.get(name) or 0 for name in named_by_files(sizes))
    return total <= there <= total * (1 + _HEADERS_SHARE) and total > 0


def read_template(folder: Path) -> str | None:
    """The chat template of a model; None if it has none. Blocking.

    It is ``chat_template.jinja``, or else in ``chat_template.json``, or else in
    ``tokenizer_config.json``. Several named ones come one after the other.
    """
    try:
        return (folder / "chat_template.jinja").read_text("utf-8")
    except (OSError, ValueError):
        pass
    for name in ("chat_template.json", "tokenizer_config.json"):
        content = _json(f"{folder}/{name}")
        if isinstance(content, dict) and (found := _template(content.get("chat_template"))):
            return found
    return None


def changed_ns(path: str) -> int:
    """When a file or folder last changed, in ns since the epoch; -1 if there is none."""
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116  quicker, and there are thousands
    except (OSError, ValueError):
        return -1


def used_ns(file: os.stat_result) -> int:
    """When a file was last read or written, in ns since the epoch."""
    return max(file.st_atime_ns, file.st_mtime_ns)


def moment(nanoseconds: int) -> datetime | None:
    """The same for people; None if it is not known."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC) if nanoseconds > 0 else None


def _reason(
    sizes: Mapping[str, int | None],
    wanted: set[str],
    planned: Mapping[str, int],
    config: dict[str, Any] | None,
) -> str | None:
    if problem := lacking(sizes, wanted, planned):
        return f"It {problem}."
    if odd := misfit(sizes, wanted, planned):
        return f"{odd[0]} {odd[1]}."
    return "Its config.json is not a JSON object." if config is None else None


def _indexed(folder: str, sizes: Mapping[str, int | None], planned: Mapping[str, int]) -> set[str]:
    """The files that the index names, or all weights if none is missing; reading it takes long."""
    weights = [path for path in planned if path.endswith(WEIGHTS) and "/" not in path]
    if weights and all(sizes.get(name) == planned[name] for name in weights):
        return named_by_files(weights)
    if index_agrees(folder, sizes):
        return named_by_files(sizes)
    return named_by_index(Path(folder, INDEX))


def _config(folder: str) -> dict[str, Any] | None:
    content = _json(f"{folder}/{CONFIG}")
    return content if isinstance(content, dict) else None


def _json(path: str) -> object:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  quicker
            return json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return None


def _template(value: object) -> str | None:
    if isinstance(value, list):  # of named ones, such as that for tools
        texts = [each.get("template") for each in value if isinstance(each, dict)]
        value = "\n".join(text for text in texts if isinstance(text, str))
    return value if isinstance(value, str) and value else None
