"""The models of this machine: scanned for whoever asks, as often as needed and not more."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.cache.scan import scan
from mlx_manager_jupyter.schema import Library, LibraryChanged
from mlx_manager_jupyter.services.models import library as module
from mlx_manager_jupyter.services.models.library import LocalLibrary
from mlx_manager_jupyter.services.models.rows import Reader
from tests.fixtures.cache import Sparse, lay_out, sparse_safetensors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlx_manager_jupyter.adapters.cache.model import CachedModel
    from mlx_manager_jupyter.schema import Event

FILES: dict[str, bytes | Sparse] = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": sparse_safetensors(1000),
}


class Scans:
    """The real scan, counted, and held up as long as a test wants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = 0
        self.go_on = threading.Event()
        self.go_on.set()
        monkeypatch.setattr(module, "scan", self)

    def __call__(
        self, cache: Path, folders: Sequence[Path], known: Mapping[str, CachedModel]
    ) -> dict[str, CachedModel]:
        found = scan(cache, folders, known)
        self.begun += 1
        assert self.go_on.wait(20)
        return found

    async def until(self, begun: int) -> None:
        async with asyncio.timeout(20):
            while self.begun < begun:
                await asyncio.sleep(0.01)


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> Scans:
    return Scans(monkeypatch)


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def library(tmp_path: Path, told: list[Event]) -> LocalLibrary:
    log = logging.getLogger("library")
    return LocalLibrary(tmp_path / "hub", (), Reader(), publish=told.append, log=log)


async def test_what_comes_while_a_scan_runs_is_seen_by_one_more(
    library: LocalLibrary, scans: Scans, tmp_path: Path
) -> None:
    scans.go_on.clear()
    first = asyncio.create_task(library.refresh())
    await scans.until(1)
    lay_out(tmp_path / "hub", "owner/late", FILES)
    asked = [asyncio.create_task(library.refresh()) for _ in range(20)]
    library.refresh_soon()
    await asyncio.sleep(0)
    scans.go_on.set()
    await asyncio.gather(first, *asked)
    assert set(library.rows) == {"owner/late"}
    assert scans.begun == 2
    await library.close()


async def test_whoever_stops_waiting_does_not_begin_it_anew(
    library: LocalLibrary, scans: Scans
) -> None:
    scans.go_on.clear()
    impatient = asyncio.create_task(library.refresh())
    await scans.until(1)
    impatient.cancel()
    patient = [asyncio.create_task(library.refresh()) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert scans.begun == 1
    scans.go_on.set()
    await asyncio.gather(*patient)
    assert scans.begun == 2
    await library.close()


async def test_viewers_hear_of_changes_alone_but_the_figures_are_those_of_now(
    library: LocalLibrary, told: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path / "hub", "owner/model", FILES)
    assert library.record == Library()
    await library.refresh()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=123))
    await library.refresh()
    assert library.record.free_bytes == 123
    assert library.record.version == 1
    assert len(told) == 1
    shutil.rmtree(tmp_path / "hub")
    await library.refresh()
    assert isinstance(told[-1], LibraryChanged)
    assert (told[-1].library.models, told[-1].library.version, len(told)) == (0, 2, 2)
    await library.close()


async def test_it_scans_for_a_viewer_until_the_last_one_leaves(
    library: LocalLibrary, scans: Scans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WATCH_SECONDS", 0.01)
    library.watch(watched=True)
    library.watch(watched=True)
    await scans.until(3)
    library.watch(watched=False)
    await library.close()
    begun = scans.begun
    await asyncio.sleep(0.1)
    assert scans.begun == begun
