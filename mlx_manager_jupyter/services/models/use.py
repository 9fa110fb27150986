"""Who works with which model."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping


class Use(Struct, frozen=True):
    """By a model's id or folder."""

    profiles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of the profiles that would serve it."""
    servers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of the servers that serve it now."""
    downloads: Collection[str] = ()
    """Models that are being fetched, or shall be."""
    resumable: Collection[str] = ()
    """Models whose unfinished files are of use."""


def by_model(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Names by model, from pairs of both."""
    names = defaultdict(list)
    for model, name in pairs:
        names[model].append(name)
    return {model: tuple(sorted(set(found))) for model, found in names.items()}


def models_of(model: str, argv: Iterable[str] = ()) -> Iterator[str]:
    """What a profile or a server means: as it was asked for, and as it is listed.

    A folder is listed by its whole path; one of the cache's by the repo whose files are in it.
    """
    yield model
    if model.startswith(("/", "~")):
        with suppress(RuntimeError):  # no such user
            yield str(Path(model).expanduser())
    for word in (model, *argv):
        for part in PurePath(word).parts:
            if part.startswith("models--"):
                yield part.removeprefix("models--").replace("--", "/", 1)
