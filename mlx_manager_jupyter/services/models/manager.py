"""Models as people meet them: search, facts, fit, names, and what is on this machine."""

from __future__ import annotations

import asyncio
import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.adapters.cache.files import files_in
from mlx_manager_jupyter.adapters.cache.partials import remove_partials
from mlx_manager_jupyter.adapters.cache.verify import verify
from mlx_manager_jupyter.adapters.hub import delete
from mlx_manager_jupyter.adapters.hub.errors import not_an_id
from mlx_manager_jupyter.errors import ModelInUse, ModelUnusable, UnknownModel
from mlx_manager_jupyter.schema import Fit, Model, ModelPage, ModelQuery, Pruned, Resolution
from mlx_manager_jupyter.services.models.details import is_repo_id
from mlx_manager_jupyter.services.models.search import Search

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from mlx_manager_jupyter.adapters.hub import Hub
    from mlx_manager_jupyter.schema import (
        Alternative,
        Catalogue,
        FitVerdict,
        Library,
        Memory,
        ModelSource,
        Profile,
        StoredUsage,
        Verification,
    )
    from mlx_manager_jupyter.services.models.catalogue import CatalogueKeeper
    from mlx_manager_jupyter.services.models.details import DetailsKeeper
    from mlx_manager_jupyter.services.models.library import LocalLibrary
    from mlx_manager_jupyter.services.models.memory import MemoryBook
    from mlx_manager_jupyter.services.models.need import Need
    from mlx_manager_jupyter.services.models.rows import Row
    from mlx_manager_jupyter.services.models.use import Use


class ModelManager(LoggingConfigurable):
    """Knows the models of this machine and those of the Hub."""

    def __init__(
        self,
        *,
        library: LocalLibrary,
        catalogue: CatalogueKeeper,
        details: DetailsKeeper,
        hub: Hub,
        memory: MemoryBook,
        use: Callable[[], Use],
        use_now: Callable[[], Awaitable[Use]],
        **kwargs: object,
    ) -> None:
        """``use`` says who works with which model; ``use_now`` asks the other extensions first."""
        super().__init__(**kwargs)
        self._library = library
        self._catalogue = catalogue
        self._details = details
        self._hub = hub
        self._memory = memory
        self._search = Search(library, catalogue, details, memory, use)
        self._use = use
        self._use_now = use_now
        self._learning: asyncio.Task[None] | None = None

    @property
    def library(self) -> Library:
        """The models of this machine in figures, as of the last scan."""
        return self._library.record

    @property
    def catalogue(self) -> Catalogue:
        """What is known of the Hub."""
        return self._catalogue.record

    # --- reading --------------------------------------------------------------------------------

    async def library_now(self) -> Library:
        """The models of this machine in figures, as of now."""
        await self._library.refresh()
        return self._library.record

    async def catalogue_now(self) -> Catalogue:
        """What is known of the Hub, read from disk if nobody did; the Hub is not asked."""
        await self._catalogue.loaded()
        return self._catalogue.record

    async def search(self, query: ModelQuery) -> ModelPage:
        """One page of models, best first.

        Raises:
            HubFailed: the Hub is asked for, nothing of it is here, and it can't be reached.
        """
        return await self._search.page(query)

    async def get(self, model: str) -> Model:
        """One model with its files: from this machine if it is complete here, else from the Hub.

        Raises:
            UnknownModel: neither has it.
            HubFailed: it is not here, and the Hub can't say.
        """
        row = await self._row(model)
        memory = await self._memory.now()
        shown = self._search.shown(row.model, memory, self._use())
        if row.model.path is None:
            return replace(shown, files=row.model.files)
        return replace(shown, files=await asyncio.to_thread(files_in, Path(row.model.path)))

    async def fit(
        self,
        model: str,
        context_length: int | None = None,
        concurrency: int = 1,
        kv_bits: int | None = None,
    ) -> Fit:
        """Whether it fits into the memory that is free now, and what else would.

        Raises:
            UnknownModel, HubFailed: as `get` does.
            ModelUnusable: nobody knows how large it is.
        """
        row = await self._row(model)
        if row.weights_bytes is None:
            raise ModelUnusable(f"The size of {model} is not known.", "Ask again when online.")
        return await self._weigh(
            row,
            await self._memory.now(),
            context_length=context_length,
            concurrency=concurrency,
            kv_bits=kv_bits,
        )

    async def need(self, profile: Profile) -> Need | None:
        """The memory that a run of this profile will take; None if nobody can say."""
        if (row := await self._sized(profile.model)) is None:
            return None
        draft = await self._sized(profile.draft_model) if profile.draft_model else None
        memory = await self._memory.now()
        return await asyncio.to_thread(_need, profile, row, draft, memory, self._memory.usage)

    async def smaller(self, profile: Profile, room: int) -> Alternative | None:
        """The best smaller build of a profile's model that needs less than ``room`` bytes."""
        if (row := await self._sized(profile.model)) is None:
            return None
        # Of what is free, only so much may be taken.
        available = math.ceil(100 * room / self._memory.limit_percent)
        memory = replace(await self._memory.now(), available_bytes=available)
        found = await self._weigh(row, memory, **_load(profile))
        return found.alternative

    def verdict(self, needed: int, available: int) -> FitVerdict:
        """Whether so many bytes fit into so many that are free."""
        return self._memory.verdict(needed, available)

    async def resolve(self, words: str, source: ModelSource = "hub") -> Resolution:
        """The one model that loose words mean, preferring what is on this machine.

        Raises:
            AmbiguousModel: they mean several; ``candidates`` names them.
            UnknownModel: they mean none; the hint names the nearest.
            HubFailed: only the Hub could say, and can't be asked.
        """
        await self._library.refresh()
        here = [row.model for row in self._library.rows.values() if row.model.complete]
        if source == "local":
            return await asyncio.to_thread(_resolve, words, here)
        listing = await self._catalogue.listing()
        known = {row.model.id: row.model for row in listing.rows} | {m.id: m for m in here}
        return await asyncio.to_thread(_resolve, words, list(known.values()))

    async def repo_id(self, words: str) -> str:
        """The repo to download; a full id is taken as it is, for the catalogue may lack it.

        Raises:
            AmbiguousModel, UnknownModel, HubFailed: as `resolve` does.
        """
        words = words.strip()
        self._catalogue.refuse_offline()
        if is_repo_id(words):
            return words
        if "/" in words:  # meant as an id: the like of it is another model
            raise not_an_id(words)
        return (await self.resolve(words)).id

    async def servable(self, words: str) -> str:
        """What to serve: loose words become the one local model that they mean.

        Raises:
            AmbiguousModel: they mean several.
        """
        await self._library.refresh()
        if words in self._library.rows or is_repo_id(words) or "/" in words:
            return words
        try:
            return (await self.resolve(words, "local")).id
        except UnknownModel:
            return words  # a folder, or something whose absence is best told by looking for it

    # --- commands -------------------------------------------------------------------------------

    async def sync(self) -> Catalogue:
        """Ask the Hub for its list now.

        Raises:
            Offline: the settings say that it is never asked.
        """
        return await self._catalogue.sync()

    async def delete(self, model: str) -> Pruned:
        """Remove a model of the cache, all revisions of it.

        Raises:
            UnknownModel: it is not there.
            ModelInUse: a server serves it, or it is being downloaded.
            ModelUnusable: it is a folder of the user's own, which only the user deletes.
        """
        await self._library.refresh()
        use = await self._use_now()
        if names := use.servers.get(model):
            hint = f"Stop it first: %mlx_stop {' '.join(names)}"
            raise ModelInUse(f"{model} is served by {', '.join(names)}.", hint)
        if model in use.downloads:
            hint = f"Cancel that first: jupyter mlx downloads cancel {model}"
            raise ModelInUse(f"{model} is being downloaded.", hint)
        known = self._library.found.get(model)
        if known and known.id.startswith("/"):
            message = f"{model} is a folder beside the cache."
            raise ModelUnusable(message, "Delete it yourself; MLX Manager did not put it there.")
        freed = await asyncio.to_thread(delete, self._library.cache, model)
        await self._library.refresh()
        return Pruned(freed_bytes=freed, models=(model,))

    async def verify(self, model: str) -> Verification:
        """Read every file of a local model again and compare it with its checksum. Takes a while.

        Raises:
            UnknownModel: it is not on this machine.
        """
        await self._library.refresh()
        if not is_repo_id(model) and model not in self._library.found:  # any folder of the disk
            raise UnknownModel(f"There is no model {model!r} here.", "Give its full id.")
        left = threading.Event()
        cache = self._library.cache
        try:
            return await asyncio.to_thread(verify, cache, model, cancelled=left.is_set)
        finally:
            left.set()  # nobody waits for it any more, and it would read for minutes

    async def prune(self) -> Pruned:
        """Remove what is left of downloads that nobody goes on with."""
        wanted = (await self._use_now()).resumable
        pruned = await asyncio.to_thread(remove_partials, self._library.cache, wanted)
        await self._library.refresh()
        return pruned

    def changed(self) -> None:
        """Something was put into the cache or taken from it: look again soon."""
        self._library.refresh_soon()

    def watch(self, *, watched: bool) -> None:
        """Keep the list up to date while somebody watches."""
        self._library.watch(watched=watched)

    def learn(self, held: Mapping[str, tuple[int, int]]) -> None:
        """Learn from what servers hold: by model, the bytes of its weights and of its process."""
        if self._learning is None or self._learning.done():
            self._learning = asyncio.create_task(self._memory.observe(held))

    async def close(self) -> None:
        """End what is under way."""
        if self._learning:
            await asyncio.wait([self._learning])
        await self._library.close()
        await self._catalogue.close()
        await self._details.close()
        await self._hub.close()

    async def _weigh(self, row: Row, memory: Memory, **load: int | None) -> Fit:
        others = await self._catalogue.loaded()
        rows = {**(others.by_id if others else {}), **self._library.rows}
        return await asyncio.to_thread(
            _fit,
            row,
            list(rows.values()),
            memory,
            self._memory.usage,
            limit_percent=self._memory.limit_percent,
            **load,
        )

    async def _sized(self, model: str) -> Row | None:
        """A model of this machine whose size is known."""
        row = await self._library.look(model)
        return row if row and row.weights_bytes else None

    async def _row(self, model: str) -> Row:
        await self._library.refresh()
        local = self._library.rows.get(model)
        if local and local.model.complete:
            return local
        if not is_repo_id(model):
            raise UnknownModel(f"There is no model {model!r} here.", "Give its full id.")
        return await self._details.get(model)


def _fit(*args: Any, **options: Any) -> Fit:
    from mlx_manager_jupyter.services.models.fit import fit  # noqa: PLC0415  not at start-up

    return fit(*args, **options)


def _load(profile: Profile) -> dict[str, int | None]:
    """How a profile runs its model, as far as the memory depends on it."""
    return {
        "context_length": profile.context_length,
        "concurrency": profile.decode_concurrency or 1,
        "kv_bits": profile.kv_bits,
    }


def _need(
    profile: Profile,
    row: Row,
    draft: Row | None,
    memory: Memory,
    usage: Sequence[StoredUsage],
) -> Need | None:
    from mlx_manager_jupyter.services.models.need import need_of  # noqa: PLC0415  not at start-up

    load = _load(profile)
    model = _fit(row, (), memory, usage, **load)
    return need_of(profile, model, _fit(draft, (), memory, usage, **load) if draft else None)


def _resolve(words: str, models: Sequence[Model]) -> Resolution:
    from mlx_manager_jupyter.services.models.resolve import resolve  # noqa: PLC0415  not at start-up

    return resolve(words, models)
