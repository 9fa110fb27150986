"""Download managers without Jupyter: a real store, real workers, and the Hub of the tests."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psutil

from mlx_manager_jupyter.adapters.process import identify, is_alive
from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.schema import (
    DownloadChanged,
    DownloadProgressed,
    DownloadRemoved,
    StartDownload,
    StoredExtension,
)
from mlx_manager_jupyter.services.downloads import DownloadManager, Ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from mlx_manager_jupyter.schema import Download, Event, Identity
    from tests.fixtures.hub import FakeHub

#: Of one made file: some seconds of work at the rates that tests set.
MEGABYTE = 1_000_000


class Downloads:
    """One extension's downloads, and what its viewers were told."""

    def __init__(self, folder: Path, hub: FakeHub, me: Identity, settings: dict[str, Any]) -> None:
        self.events: list[Event] = []
        self.ended = 0
        self.folder = folder
        self.cache = folder / "hf" / "hub"
        self.store = Store(folder / "state.json")
        self.store.put(StoredExtension(name=str(me.pid), identity=me))
        self.ledger = Ledger(self.store, me, is_alive)
        self.manager = DownloadManager(
            ledger=self.ledger,
            jobs=folder / "downloads",
            cache=self.cache,
            environment=hub.environment(folder / "hf"),
            max_running=settings.pop("max_running", 2),
            limit=settings.pop("limit", None),
            is_offline=settings.pop("is_offline", False),
            repo_id=_as_it_is,
            publish=self.events.append,
            ended=self._count_end,
            **settings,
        )

    async def start(self, model: str, **options: Any) -> Download:
        """Ask for a model."""
        return (await self.manager.start(StartDownload(model=model, **options)))[0]

    def seen(self) -> dict[str, Download]:
        """What a viewer draws who got every event, by model."""
        drawn: dict[str, Download] = {}
        for event in self.events:
            match event:
                case DownloadChanged(download=download) | DownloadProgressed(download=download):
                    drawn[download.id] = download
                case DownloadRemoved(download_id=gone):
                    drawn.pop(gone)
        return {download.model: download for download in drawn.values()}

    async def until(
        self, model: str, condition: Callable[[Download], object], seconds: float = 30
    ) -> Download:
        """Wait until a viewer sees this of a model."""
        try:
            async with asyncio.timeout(seconds):
                while model not in self.seen() or not condition(self.seen()[model]):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(self.seen().get(model)) from None
        return self.seen()[model]

    async def state(self, model: str, *states: str) -> Download:
        """Wait until it is in one of these states."""
        return await self.until(model, lambda download: download.state in states)

    def _count_end(self) -> None:
        self.ended += 1


@asynccontextmanager
async def downloads(
    folder: Path, hub: FakeHub, me: Identity | None = None, **settings: Any
) -> AsyncIterator[Downloads]:
    """Downloads that are minded; ``me`` is this process unless given."""
    opened = Downloads(folder, hub, me or identify(os.getpid()), settings)
    await opened.manager.open()
    try:
        yield opened
    finally:
        await opened.manager.close()


async def _as_it_is(model: str) -> str:
    return model


def workers(folder: Path) -> list[psutil.Process]:
    """Download processes of this test that are alive."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if str(folder) in " ".join(process.info["cmdline"] or ())
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]
