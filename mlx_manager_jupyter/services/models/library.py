"""The models of this machine: the Hugging Face cache and extra folders, as of the last scan."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.adapters.cache.folders import look_at_folder
from mlx_manager_jupyter.adapters.cache.lookup import local_folder
from mlx_manager_jupyter.adapters.cache.scan import scan
from mlx_manager_jupyter.errors import UnknownModel
from mlx_manager_jupyter.schema import Library, LibraryChanged
from mlx_manager_jupyter.services.models.use import models_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from logging import Logger
    from pathlib import Path

    from mlx_manager_jupyter.adapters.cache.model import CachedModel
    from mlx_manager_jupyter.schema import Event
    from mlx_manager_jupyter.services.models.index import Index
    from mlx_manager_jupyter.services.models.rows import Reader, Row

#: Seconds between two scans while somebody watches: another program may download too.
WATCH_SECONDS = 10.0


class LocalLibrary:
    """Scans on demand, and while somebody watches; tells when something is different."""

    def __init__(
        self,
        cache: Path,
        folders: Sequence[Path],
        reader: Reader,
        *,
        publish: Callable[[Event], None],
        log: Logger,
    ) -> None:
        """``cache`` is that of Hugging Face, ``folders`` hold models beside it."""
        self.cache = cache
        self._folders = tuple(folders)
        self._reader = reader
        self._publish = publish
        self._log = log
        self._found: dict[str, CachedModel] = {}
        self._rows: dict[str, Row] = {}
        self._index: Index | None = None
        self._scanning = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        """The scan that has not begun yet, for all who ask until it does."""
        self._scans: set[asyncio.Task[None]] = set()
        self._watcher: asyncio.Task[None] | None = None
        self.record = Library()

    @property
    def rows(self) -> dict[str, Row]:
        """By id, as of the last scan."""
        return self._rows

    @property
    def found(self) -> dict[str, CachedModel]:
        """What the scan said, by id."""
        return self._found

    @property
    def index(self) -> Index | None:
        """Over the ids, in the order of `rows`; None before the first scan."""
        return self._index

    async def refresh(self) -> None:
        """Scan now; what did not change costs almost nothing.

        Who asks while a scan runs waits for one more, together with all others who do.
        """
        await asyncio.shield(self.refresh_soon())  # whoever stops waiting does not stop it

    def refresh_soon(self) -> asyncio.Task[None]:
        """Something was put into the cache or taken from it: a scan that will see it."""
        if self._next is None:
            self._next = asyncio.create_task(self._refresh())
            self._scans.add(self._next)
            self._next.add_done_callback(self._scans.discard)
        return self._next

    async def _refresh(self) -> None:
        async with self._scanning:
            self._next = None
            found, rows, index, free = await asyncio.to_thread(self._scan)
            changed = found != self._found
            self._found, self._rows, self._index = found, rows, index
            record = replace(
                self.record,
                version=self.record.version + changed,
                models=sum(model.complete for model in found.values()),
                size_bytes=sum(model.size_bytes for model in found.values()),
                partial_bytes=sum(model.partial_bytes for model in found.values()),
                free_bytes=free,
            )
            news = changed or self.record.version == 0
            self.record = replace(record, version=max(1, record.version))
            if news:
                self._publish(LibraryChanged(library=self.record))

    async def look(self, model: str) -> Row | None:
        """One model of this machine as of now, in whatever folder it is; None if there is none."""
        await self.refresh()
        for name in models_of(model):
            if row := self._rows.get(name):
                return row
        return await asyncio.to_thread(self._look_at, model)

    async def refresh_once(self) -> None:
        """Scan if that was never done."""
        if self.record.version == 0:
            await self.refresh()

    def watch(self, *, watched: bool) -> None:
        """Scan now and then while somebody watches, and only then."""
        if watched and self._watcher is None:
            self._watcher = asyncio.create_task(self._watch())
        elif not watched and self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    async def _watch(self) -> None:
        while True:
            try:
                await self.refresh()
            except OSError as error:
                self._log.warning("the models can't be listed: %s", error)
            await asyncio.sleep(WATCH_SECONDS)

    async def close(self) -> None:
        """End what is under way."""
        self.watch(watched=False)
        if self._scans:
            await asyncio.wait(self._scans)

    def _look_at(self, model: str) -> Row | None:
        with suppress(UnknownModel):
            if folder := local_folder(model):
                return self._reader.cached(look_at_folder(str(folder), time.time_ns()))
        return None

    def _scan(self) -> tuple[dict[str, CachedModel], dict[str, Row], Index, int | None]:
        from mlx_manager_jupyter.services.models.index import Index  # noqa: PLC0415  not at start-up

        known, rows = self._found, self._rows
        found = scan(self.cache, self._folders, known)
        kept = {name for name, model in found.items() if known.get(name) is model}
        fresh = {
            name: rows[name] if name in kept else self._reader.cached(model)
            for name, model in found.items()
        }
        free = None
        with suppress(OSError):
            free = shutil.disk_usage(_existing(self.cache)).free
        index = self._index
        if index is None or list(fresh) != list(rows):
            index = Index(list(fresh), [0] * len(fresh))
        return found, fresh, index, free


def _existing(path: Path) -> Path:
    """The nearest folder that is there: the cache's own comes with the first download."""
    while not os.path.isdir(path) and path != path.parent:  # noqa: PTH112  no error if it is closed to us
        path = path.parent
    return path
