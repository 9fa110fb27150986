"""One page of models, from this machine or from the catalogue."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.schema import Model, ModelPage, ModelQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlx_manager_jupyter.schema import Memory
    from mlx_manager_jupyter.services.models.catalogue import CatalogueKeeper
    from mlx_manager_jupyter.services.models.details import DetailsKeeper
    from mlx_manager_jupyter.services.models.index import Index
    from mlx_manager_jupyter.services.models.library import LocalLibrary
    from mlx_manager_jupyter.services.models.memory import MemoryBook
    from mlx_manager_jupyter.services.models.rows import Row
    from mlx_manager_jupyter.services.models.use import Use

#: What the Hub knows better than the files on this machine.
HUB_FACTS = ("downloads", "likes", "updated_at", "gated", "license", "base_model")


class Search:
    """Finds, filters, orders, and then says of the rows of one page whether they fit now."""

    def __init__(
        self,
        library: LocalLibrary,
        catalogue: CatalogueKeeper,
        details: DetailsKeeper,
        memory: MemoryBook,
        use: Callable[[], Use],
    ) -> None:
        self._library = library
        self._catalogue = catalogue
        self._details = details
        self._memory = memory
        self._use = use

    async def page(self, query: ModelQuery) -> ModelPage:
        """The rows that a query means, best first.

        Raises:
            HubFailed: the catalogue is not here, and can't be had.
        """
        rows: Sequence[Row]
        index: Index | None
        if query.source == "hub":
            listing = await self._catalogue.listing()
            await self._library.refresh_once()
            rows, index = listing.rows, listing.index
        else:
            await self._library.refresh()
            rows, index = list(self._library.rows.values()), self._library.index
        memory = await self._memory.now()
        found = await asyncio.to_thread(self._select, rows, index, query, memory)
        page = found[query.offset : query.offset + query.limit]
        if query.details:
            await self._details.learn([m.id for m in page if m.size_bytes is None])
        models = await asyncio.to_thread(self._shown, page, memory, self._use())
        return ModelPage(models=models, total=len(found))

    def _shown(self, models: Sequence[Model], memory: Memory, use: Use) -> tuple[Model, ...]:
        return tuple(self.shown(model, memory, use) for model in models)

    def shown(self, model: Model, memory: Memory, use: Use) -> Model:
        """The record with all that is known by now: details, use, and whether it fits."""
        row = self._details.known(model.id)
        local = self._library.rows.get(model.id)
        if row and not (local and local.model.complete):
            model = _joined(row.model, local)
        model = replace(
            model,
            files=(),
            profiles=use.profiles.get(model.id, ()),
            servers=use.servers.get(model.id, ()),
        )
        return self._judged(model, local, memory)

    def _select(
        self, rows: Sequence[Row], index: Index | None, query: ModelQuery, memory: Memory
    ) -> list[Model]:
        from mlx_manager_jupyter.services.models.matching import keep, ordered  # noqa: PLC0415  not at start-up

        found = []
        local = self._library.rows
        for position in index.search(query.q) if index else ():
            row = rows[position]
            model = _joined(row.model, local.get(row.model.id))
            if query.fits:
                needed = self._memory.needed(self._details.known(model.id) or row)
                model = self._memory.judged(model, needed, memory)
            if keep(model, query):
                found.append(model)
        return found if query.sort == "relevance" else ordered(found, query.sort)

    def _judged(self, model: Model, local: Row | None, memory: Memory) -> Model:
        row = local if local and local.model.complete else self._details.known(model.id)
        row = row or self._catalogue.row(model.id) or local
        return self._memory.judged(model, self._memory.needed(row) if row else None, memory)


def _joined(model: Model, local: Row | None) -> Model:
    """What the Hub says, under what is on this machine."""
    if local is None or local.model is model:
        return model
    here = local.model
    if here.complete:
        return replace(here, **{name: getattr(model, name) for name in HUB_FACTS})
    return replace(
        model, local=True, revision=here.revision, partial_bytes=here.partial_bytes, path=None
    )
