"""One model as the manager holds it: the record that people see, and what fitting it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from mlx_manager_jupyter.schema import FIT_CONTEXT, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mlx_manager_jupyter.adapters.cache.model import CachedModel
    from mlx_manager_jupyter.adapters.hub.records import CatalogueEntry, RepoDetails
    from mlx_manager_jupyter.schema import ModelFile
    from mlx_manager_jupyter.services.models.facts import Facts

    #: By engine that is installed, the model types that it can run.
    KnownTypes = Mapping[str, Collection[str]]

#: What holds weights that MLX loads.
WEIGHTS = (".safetensors", ".npz")

NO_WEIGHTS = "The repo has no weights that MLX can load (.safetensors)."


class Row(Struct, frozen=True):
    """A model without what changes by the minute: memory, servers, profiles."""

    model: Model
    weights_bytes: int | None = None
    """Exact, or estimated if ``model.size_bytes`` is unknown; None if nobody can say."""
    cache_bytes: int = 0
    """Keys and values of one conversation at `FIT_CONTEXT`."""
    config: Mapping[str, Any] | None = None


class Reader:
    """Makes rows of what the adapters found.

    Blocking: it may read files of the engine, and imports what knows models when it is first used.
    """

    def __init__(
        self,
        known: Callable[[], KnownTypes] = dict,
        methods: Callable[[], Collection[str] | None] = lambda: None,
    ) -> None:
        """``known`` and ``methods`` are those of `facts_of`, for what is installed now."""
        self._known = known
        self._methods = methods

    def entry(self, entry: CatalogueEntry) -> Row:
        """A row of the Hub's list: facts from its name, tags and parameter counts alone."""
        from mlx_manager_jupyter.services.models.facts import Source, facts_of  # noqa: PLC0415  not at start-up

        facts = facts_of(
            Source(
                id=entry.id,
                tags=entry.tags,
                pipeline_tag=entry.pipeline_tag,
                parameters=entry.parameters,
            )
        )
        return _row(facts, _on_hub(entry), facts.estimated_bytes)

    def details(self, details: RepoDetails, wanted: Sequence[ModelFile]) -> Row:
        """A repo of the Hub; ``wanted`` are the files that would be downloaded."""
        from mlx_manager_jupyter.services.models.facts import Source, facts_of  # noqa: PLC0415  not at start-up

        entry = details.entry
        weights = sum(file.size_bytes for file in wanted if file.path.endswith(WEIGHTS))
        source = Source(
            id=entry.id,
            config=details.config,
            chat_template=details.chat_template,
            tags=entry.tags,
            pipeline_tag=entry.pipeline_tag,
            parameters=entry.parameters,
            weights_bytes=weights or None,
            has_modules=any(file.path == "modules.json" for file in details.files),
        )
        facts = facts_of(source, known=self._known(), methods=self._methods())
        known = _on_hub(entry) | {
            "revision": details.commit,
            "size_bytes": sum(file.size_bytes for file in wanted) or None,
            "files": tuple(wanted),
            "engine_problem": facts.engine_problem if weights else NO_WEIGHTS,
            "license": details.license or facts.license,
            "base_model": details.base_model or facts.base_model,
        }
        return _row(facts, known, weights or facts.estimated_bytes, details.config)

    def cached(self, found: CachedModel) -> Row:
        """A model of this machine."""
        from mlx_manager_jupyter.adapters.cache.model import read_template  # noqa: PLC0415  not at start-up
        from mlx_manager_jupyter.services.models.facts import Source, facts_of  # noqa: PLC0415  not at start-up

        source = Source(
            id=found.id,
            config=found.config,
            chat_template=read_template(found.path),
            weights_bytes=found.weights_bytes if found.complete else None,
            has_modules=found.has_modules,
        )
        facts = facts_of(source, known=self._known(), methods=self._methods())
        here = {
            "id": found.id,
            "author": None if found.id.startswith("/") else _author(found.id),
            "revision": found.revision,
            "local": True,
            "complete": found.complete,
            "path": str(found.path) if found.complete else None,
            "size_bytes": found.size_bytes if found.complete else None,
            "partial_bytes": found.partial_bytes + (0 if found.complete else found.size_bytes),
            "used_at": found.used_at,
            "updated_at": found.updated_at,
        }
        return _row(facts, here, source.weights_bytes or facts.estimated_bytes, found.config)


def _row(
    facts: Facts,
    known: Mapping[str, Any],
    weights: int | None,
    config: Mapping[str, Any] | None = None,
) -> Row:
    """What was read from the model's files, under what is known of the repo."""
    from mlx_manager_jupyter.services.models.kv import cache_bytes  # noqa: PLC0415  not at start-up

    told = asdict(facts) | dict(known)
    if told.get("size_bytes") is not None:
        told["estimated_bytes"] = None
    tokens = min(FIT_CONTEXT, facts.context_length or FIT_CONTEXT)
    return Row(
        model=Model(**told),
        weights_bytes=weights,
        cache_bytes=cache_bytes(config, tokens, parameters=facts.parameters),
        config=config,
    )


def _on_hub(entry: CatalogueEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "author": _author(entry.id),
        "gated": entry.gated,
        "downloads": entry.downloads,
        "likes": entry.likes,
        "updated_at": entry.updated_at,
    }


def _author(repo: str) -> str | None:
    return repo.partition("/")[0] if "/" in repo else None
