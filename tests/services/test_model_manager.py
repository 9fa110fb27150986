"""Models as people meet them, over a cache on disk and without a Hub."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.cache.verify import verify
from mlx_manager_jupyter.adapters.hardware import this_machine
from mlx_manager_jupyter.adapters.hub import CatalogueEntry, Hub
from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.errors import ModelInUse
from mlx_manager_jupyter.schema import Model, ModelQuery
from mlx_manager_jupyter.services.models import (
    CatalogueKeeper,
    DetailsKeeper,
    LocalLibrary,
    MemoryBook,
    ModelManager,
    Reader,
    Use,
    by_model,
    manager,
    models_of,
)
from tests.fixtures.cache import Sparse, age, lay_out, sparse_safetensors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlx_manager_jupyter.schema import Catalogue, Verification

CONFIG = b'{"model_type": "llama"}'
SIZES = {f"owner/model-{number}-4bit": 10_000 * (number % 3 + 1) for number in range(12)}


def files(size: int) -> dict[str, bytes | Sparse]:
    return {"config.json": CONFIG, "model.safetensors": sparse_safetensors(size)}


class Here:
    """A manager over a cache, and who uses what."""

    def __init__(self, folder: Path) -> None:
        self.use = Use()
        self.a_moment_ago: Use | None = None
        """What other extensions did, of which ours learns when it asks."""
        self.asked = 0
        self.cache = folder / "hub"
        log, store = logging.getLogger("models"), Store(folder / "state.json")
        hub, reader, told = Hub(offline=True), Reader(), list[object]()
        self.catalogue = CatalogueKeeper(
            hub,
            folder / "catalogue.json",
            reader,
            author=None,
            offline=True,
            publish=told.append,
            log=log,
        )
        self.manager = ModelManager(
            library=LocalLibrary(self.cache, (), reader, publish=told.append, log=log),
            catalogue=self.catalogue,
            details=DetailsKeeper(hub, reader),
            hub=hub,
            memory=MemoryBook(store, this_machine(), limit_percent=85, log=log),
            use=self._use,
            use_now=self._use_now,
        )

    def _use(self) -> Use:
        self.asked += 1
        return self.use

    async def _use_now(self) -> Use:
        self.use = self.a_moment_ago or self.use
        return self.use


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("sort", ["relevance", "size", "name", "used", "downloads"])
async def test_pages_are_a_cut_of_one_list(here: Here, sort: str) -> None:
    for model, size in SIZES.items():
        lay_out(here.cache, model, files(size))
    age(here.cache)

    async def page(offset: int, limit: int) -> tuple[tuple[Model, ...], int]:
        query = ModelQuery(sort=sort, offset=offset, limit=limit)  # type: ignore[arg-type]
        found = await here.manager.search(query)
        return found.models, found.total

    whole, total = await page(0, 100)
    assert total == len(whole) == len(SIZES)
    cuts = [await page(offset, 5) for offset in (0, 5, 10, 15, 10**30)]
    assert [len(models) for models, _ in cuts] == [5, 5, 2, 0, 0]
    assert {total for _, total in cuts} == {len(SIZES)}
    assert [model.id for models, _ in cuts for model in models] == [model.id for model in whole]
    if sort == "size":
        assert all((a.size_bytes or 0) >= (b.size_bytes or 0) for a, b in pairwise(whole))
    await here.manager.close()


async def test_a_local_model_has_its_files(here: Here) -> None:
    given = {**files(30_000), "1_Pooling/config.json": b"{}"}
    snapshot = lay_out(here.cache, "owner/model", given, large=(".safetensors",))
    (snapshot / "gone.safetensors").symlink_to("../../blobs/gone")
    model = await here.manager.get("owner/model")
    listed = {file.path: file for file in model.files}
    assert list(listed) == ["1_Pooling/config.json", "config.json", "model.safetensors"]
    assert listed["config.json"].size_bytes == len(CONFIG)
    assert listed["config.json"].sha256 is None
    weights = listed["model.safetensors"]
    assert weights.size_bytes > 30_000
    assert (snapshot / weights.path).readlink().name == weights.sha256
    assert (await here.manager.search(ModelQuery())).models[0].files == ()
    await here.manager.close()


async def test_who_uses_what_is_asked_once_a_page(here: Here) -> None:
    for model, size in SIZES.items():
        lay_out(here.cache, model, files(size))
    here.use = Use(profiles={"owner/model-3-4bit": ("mine",)})
    found = (await here.manager.search(ModelQuery())).models
    assert [model.profiles for model in found if model.profiles] == [("mine",)]
    assert here.asked == 1
    await here.manager.close()


async def test_what_another_jupyter_serves_since_a_moment_is_not_deleted(here: Here) -> None:
    lay_out(here.cache, "owner/served", files(1000))
    here.a_moment_ago = Use(servers={"owner/served": ("busy",)})
    with pytest.raises(ModelInUse, match="busy"):
        await here.manager.delete("owner/served")
    here.a_moment_ago = Use(downloads=("owner/served",))
    with pytest.raises(ModelInUse, match="downloaded"):
        await here.manager.delete("owner/served")
    here.a_moment_ago = Use()
    assert (await here.manager.delete("owner/served")).models == ("owner/served",)
    await here.manager.close()


async def test_what_another_jupyter_will_go_on_with_is_not_pruned(here: Here) -> None:
    for model in ("owner/paused", "owner/left"):
        lay_out(here.cache, model, {"config.json": CONFIG})
        blobs = here.cache / f"models--{model.replace('/', '--')}" / "blobs"
        (blobs / f"{'a' * 64}.resume.incomplete").write_bytes(b"x" * 5000)
    here.a_moment_ago = Use(resumable=("owner/paused",))
    assert (await here.manager.prune()).models == ("owner/left",)
    assert len(list(here.cache.rglob("*.incomplete"))) == 1
    await here.manager.close()


async def test_verifying_ends_when_nobody_waits_for_it(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(here.cache, "owner/model", files(50_000_000), large=())
    read: list[int] = []
    ended = threading.Event()

    def slowly(done: int, _total: int) -> None:
        read.append(done)
        time.sleep(0.05)

    def verify_slowly(cache: Path, model: str, **options: Any) -> Verification:
        try:
            return verify(cache, model, on_progress=slowly, **options)
        finally:
            ended.set()

    monkeypatch.setattr(manager, "verify", verify_slowly)
    task = asyncio.create_task(here.manager.verify("owner/model"))
    await until(lambda: bool(read))
    task.cancel()
    await asyncio.wait([task])
    await until(ended.is_set)
    assert max(read) < 50_000_000
    await here.manager.close()


async def test_figures_are_read_when_they_are_asked_for(here: Here, tmp_path: Path) -> None:
    lay_out(here.cache, "owner/model", files(1000))
    assert (await here.manager.library_now()).models == 1
    assert (await here.manager.catalogue_now()).state == "absent"
    await here.manager.close()
    entry = CatalogueEntry(id="owner/model")
    file = tmp_path / "catalogue.json"
    head = b'{"synced_at":"2026-01-01T00:00:00Z","author":null,"models":1}\n'
    file.write_bytes(head + b'{"id":"' + entry.id.encode() + b'"}')
    later = Here(tmp_path)
    known: Catalogue = await later.manager.catalogue_now()
    assert (known.state, known.models, known.offline) == ("ready", 1, True)
    await later.manager.close()


def test_a_profile_is_found_by_each_name_of_its_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/data/ada")
    snapshot = f"{tmp_path}/hub/models--owner--name--with-dashes/snapshots/abc"
    named = {
        "repo": "owner/name",
        "folder": "~/models/own/",
        "cached": snapshot,
        "none": "~nobody/",
    }
    used = by_model((model, name) for name, asked in named.items() for model in models_of(asked))
    assert used["owner/name"] == ("repo",)
    assert used["/data/ada/models/own"] == ("folder",)
    assert used["owner/name--with-dashes"] == ("cached",)
    assert used["~nobody/"] == ("none",)
