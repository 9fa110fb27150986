"""Filters and orders of a list of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.services.models.words import folded, split_id, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlx_manager_jupyter.schema import Capability, Model, ModelQuery
    from mlx_manager_jupyter.schema.models import ModelSort

#: Filters of a `ModelQuery` that are called as the capability is.
CAPABILITIES: tuple[Capability, ...] = ("vision", "tools", "reasoning", "embeddings", "audio")


def keep(model: Model, query: ModelQuery) -> bool:
    """Whether a model passes all filters that are set; words, order and page are not looked at.

    What nobody knows of a model does not pass, but for its fit: before the exact size is known
    most would be hidden. Facts are read from names and tags, too, before they count as unknown.
    """
    return (
        (not query.author or _same(_author(model), query.author))
        and (not query.bits or model.bits in query.bits)
        and (not query.family or _is_of(model, query.family))
        and all(name in model.capabilities for name in CAPABILITIES if getattr(query, name))
        and not (query.fits and model.fit == "no")
        and not (query.downloaded and not model.complete)
    )


def ordered(models: Sequence[Model], sort: ModelSort) -> list[Model]:
    """The models in an order: names from A, else the most, newest, largest first.

    Those of which it is unknown come last, and equal ones stay as they were, as all do with
    ``relevance``.
    """
    key = _KEYS.get(sort)
    if key is None:
        return list(models)
    if sort == "name":
        return sorted(models, key=key)
    known = [model for model in models if key(model) is not None]
    unknown = [model for model in models if key(model) is None]
    return [*sorted(known, key=key, reverse=True), *unknown]


def _author(model: Model) -> str | None:
    """A folder has none, whatever its parent is called."""
    return model.author or (None if model.id.startswith("/") else split_id(model.id)[0])


def _is_of(model: Model, family: str) -> bool:
    """``Qwen`` is a family; ``qwen3`` is one to people, who know it from names and model types."""
    if _same(model.family, family) or _same(model.model_type, family):
        return True
    wanted, name = tokens(family), split_id(model.id)[1]
    if not wanted or wanted[0] not in folded(name):  # soon told, for most of ten thousand
        return False
    there = tokens(name)
    return any(there[n : n + len(wanted)] == wanted for n in range(len(there)))


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.casefold() == other.strip().casefold()


def _name(model: Model) -> tuple[str, str]:
    return split_id(model.id)[1].casefold(), model.id.casefold()


def _size(model: Model) -> int | None:
    return model.estimated_bytes if model.size_bytes is None else model.size_bytes


_KEYS: Mapping[ModelSort, Callable[[Model], Any]] = {
    "downloads": lambda model: model.downloads,
    "likes": lambda model: model.likes,
    "updated": lambda model: model.updated_at,
    "size": _size,
    "name": _name,
    "used": lambda model: model.used_at,
}
