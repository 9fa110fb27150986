"""What is known here of the models on the Hub: kept on disk, synced on use once a day."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
from msgspec import Struct

from mlx_manager_jupyter.adapters.hub.errors import offline
from mlx_manager_jupyter.adapters.hub.records import CatalogueEntry
from mlx_manager_jupyter.adapters.storage.disk import replace_all
from mlx_manager_jupyter.errors import HubFailed, MLXManagerError
from mlx_manager_jupyter.schema import Catalogue, CatalogueChanged, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from logging import Logger
    from pathlib import Path

    from mlx_manager_jupyter.adapters.hub import Hub
    from mlx_manager_jupyter.schema import Event
    from mlx_manager_jupyter.services.models.index import Index
    from mlx_manager_jupyter.services.models.rows import Reader, Row

#: The list is asked for again when it is older than this, and somebody searches.
MAX_AGE = timedelta(days=1)

#: After a failure nobody's typing asks the Hub again for so long.
PAUSE = timedelta(minutes=1)


class _Head(Record):
    """The file's first line; each further one is a `CatalogueEntry`."""

    synced_at: Annotated[datetime, msgspec.Meta(tz=True)]
    author: str | None
    models: int


class _Kept(Record):
    """What the file holds."""

    head: _Head
    entries: tuple[CatalogueEntry, ...]


class Listing(Struct, frozen=True):
    """Rows and the index over them, replaced as a whole."""

    rows: Sequence[Row]
    index: Index
    by_id: Mapping[str, Row]


class CatalogueKeeper:
    """Loads, syncs and hands out the catalogue; one sync at a time."""

    def __init__(
        self,
        hub: Hub,
        file: Path,
        reader: Reader,
        *,
        author: str | None,
        offline: bool,
        publish: Callable[[Event], None],
        log: Logger,
    ) -> None:
        """``author`` narrows it to one organization; ``file`` is where it is kept."""
        self._hub = hub
        self._file = file
        self._reader = reader
        self._author = author
        self._publish = publish
        self._log = log
        self._listing: Listing | None = None
        self._loading: asyncio.Task[None] | None = None
        self._sync: asyncio.Task[None] | None = None
        self._tried_at: datetime | None = None
        self.record = Catalogue(offline=offline)

    async def listing(self) -> Listing:
        """What can be searched now; an old one is synced behind the caller's back.

        Raises:
            HubFailed: there is nothing yet, and the Hub can't be asked.
        """
        await self._load()
        if self._is_due():
            self._begin_sync()
        if self._listing is None and self._sync is not None:
            await asyncio.shield(self._sync)  # whoever stops waiting does not stop it
        return self._listing or self._refuse()

    def row(self, model: str) -> Row | None:
        """What the catalogue says of one model, as far as it is loaded."""
        return self._listing.by_id.get(model) if self._listing else None

    async def loaded(self) -> Listing | None:
        """What is on this machine already; the Hub is not asked."""
        await self._load()
        return self._listing

    async def sync(self) -> Catalogue:
        """Ask the Hub now, whatever the age.

        Raises:
            Offline: the settings say that it is never asked.
        """
        self.refuse_offline()
        await self._load()
        self._begin_sync()
        return self.record

    def refuse_offline(self) -> None:
        """Raise what is to be said when only the Hub could help, and is never asked.

        Raises:
            Offline: then.
        """
        if self.record.offline:
            raise offline()

    async def close(self) -> None:
        """End a sync that is under way."""
        for task in (self._loading, self._sync):
            if task:
                task.cancel()
                await asyncio.wait([task])

    def _is_due(self) -> bool:
        if self.record.offline or self._sync:
            return False
        now = datetime.now(UTC)
        if self._tried_at and now - self._tried_at < PAUSE:
            return False
        synced_at = self.record.synced_at
        return synced_at is None or not timedelta(0) <= now - synced_at <= MAX_AGE

    def _begin_sync(self) -> None:
        if self._sync is None:
            self._tried_at = datetime.now(UTC)
            self._say(state="syncing", models=0, error=None)
            self._sync = asyncio.create_task(self._run_sync())
            self._sync.add_done_callback(self._synced)

    def _synced(self, _task: asyncio.Task[None]) -> None:
        self._sync = None

    async def _run_sync(self) -> None:
        try:
            entries = await self._hub.catalogue(author=self._author, on_page=self._count)
            now = datetime.now(UTC)
            head = _Head(synced_at=now, author=self._author, models=len(entries))
            kept = _Kept(head=head, entries=tuple(entries))
            self._take(kept, await asyncio.to_thread(self._listed, kept.entries))
            await asyncio.to_thread(_write, self._file, kept)
        except MLXManagerError as error:
            self._failed(error)
        except OSError as error:
            self._failed(HubFailed(f"The catalogue can't be kept on disk: {error}."))

    def _failed(self, error: MLXManagerError) -> None:
        self._log.warning("the catalogue: %s", error.message)
        known = len(self._listing.rows) if self._listing else 0
        self._say(state="ready" if known else "absent", models=known, error=error.problem)

    async def _load(self) -> None:
        """Read the file, once."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._run_load())
        await asyncio.shield(self._loading)  # who types on asks again, and it takes a second

    async def _run_load(self) -> None:
        kept = await asyncio.to_thread(_read, self._file)
        if kept and kept.head.author == self._author:
            self._take(kept, await asyncio.to_thread(self._listed, kept.entries))

    def _take(self, kept: _Kept, listing: Listing) -> None:
        self._listing = listing
        synced_at = kept.head.synced_at
        self._say(state="ready", models=len(listing.rows), synced_at=synced_at, error=None)

    def _listed(self, entries: Sequence[CatalogueEntry]) -> Listing:
        from mlx_manager_jupyter.services.models.index import Index  # noqa: PLC0415  not at start-up

        by_id = {entry.id: self._reader.entry(entry) for entry in entries}
        rows = list(by_id.values())
        return Listing(rows, Index(list(by_id), [row.model.downloads or 0 for row in rows]), by_id)

    def _count(self, models: int) -> None:
        self._say(models=models)

    def _say(self, **changes: object) -> None:
        self.record = msgspec.structs.replace(self.record, **changes)
        self._publish(CatalogueChanged(catalogue=self.record))

    def _refuse(self) -> NoReturn:
        self.refuse_offline()
        if self.record.error:
            raise MLXManagerError.of(self.record.error)
        raise HubFailed("The catalogue of models is not here yet.", "Try again in a moment.")


def _read(file: Path) -> _Kept | None:
    """None if there is none that can be read: it is only a copy, the next sync replaces it."""
    with suppress(OSError, msgspec.DecodeError):
        first, *lines = file.read_bytes().split(b"\n")
        head = msgspec.json.decode(first, type=_Head)
        # One by one: a thread that decodes megabytes in one go lets nobody else run meanwhile.
        decode = msgspec.json.Decoder(CatalogueEntry).decode
        entries = tuple(decode(line) for line in lines)
        if len(entries) == head.models:
            return _Kept(head=head, entries=entries)
    return None


def _write(file: Path, kept: _Kept) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    encode = msgspec.json.encode
    lines = [encode(kept.head), *(encode(entry) for entry in kept.entries)]
    replace_all({file: b"\n".join(lines)})
