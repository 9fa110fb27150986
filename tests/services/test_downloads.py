"""The queue: what people ask of downloads, with real workers and the Hub of the tests."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.cache import locate
from mlx_manager_jupyter.errors import Conflict, MLXManagerError, UnknownDownload
from mlx_manager_jupyter.schema import StartDownload
from tests.fixtures.hub import FakeHub
from tests.fixtures.models import make
from tests.services.downloading import MEGABYTE, downloads, workers
from tests.services.extensions import another_jupyter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.services.downloading import Downloads

TINY = "mlx-community/tiny-chat"
BIG = "mlx-community/Big-4bit"
SLOW = 4 * MEGABYTE


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    folder = make("chat", tmp_path_factory.mktemp("models") / "tiny")
    with FakeHub(repos={TINY: folder}) as running:
        yield running


@pytest.fixture(autouse=True)
def clean(hub: FakeHub) -> Iterator[None]:
    yield
    hub.clear()
    hub.reset()


@pytest.fixture
def big(hub: FakeHub, tmp_path: Path) -> str:
    """A model that takes some seconds at the `SLOW` rate; another one for every test."""
    name = f"{BIG}-{tmp_path.name[-24:]}"
    weights = {"size": 12 * MEGABYTE, "seed": abs(hash(tmp_path.name)) % 10**6}
    hub.add(name, files={"config.json": '{"model_type": "llama"}', "model.safetensors": weights})
    return name


async def halfway(mine: Downloads, model: str) -> None:
    await mine.until(model, lambda download: download.bytes_done > 2 * MEGABYTE)


async def test_a_model_is_queued_fetched_and_servable(hub: FakeHub, tmp_path: Path) -> None:
    async with downloads(tmp_path, hub) as mine:
        asked = await mine.start(TINY)
        assert asked.state in {"queued", "running"}
        done = await mine.state(TINY, "done")
        assert done.bytes_done == done.bytes_total
        assert done.bytes_done > locate(TINY, cache=mine.cache).size_bytes  # config and tokenizer
        assert done.files_done == done.files_total
        assert done.finished_at is not None
        assert done.error is None
        assert mine.ended == 1
        assert not workers(tmp_path)


async def test_two_requests_for_a_model_are_one(hub: FakeHub, tmp_path: Path, big: str) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        first = await mine.start(big)
        second, new = await mine.manager.start(StartDownload(model=big, revision="main"))
        assert second.id == first.id
        assert not new
        other = await mine.start(big, all=True)
        assert other.id != first.id


async def test_pause_stays_across_a_restart_and_resume_fetches_nothing_twice(
    hub: FakeHub, tmp_path: Path, big: str
) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        download = await mine.start(big)
        await halfway(mine, big)
        paused = await mine.manager.pause(download.id)
        assert paused.state == "paused"
        assert paused.rate is None
        assert not workers(tmp_path)
        kept = paused.bytes_done
        hub.reset()
    async with downloads(tmp_path, hub) as again:
        assert again.seen()[big].state == "paused"
        assert again.seen()[big].bytes_done >= kept > 2 * MEGABYTE
        await again.manager.resume(download.id)
        await again.state(big, "done")
    assert hub.sent("Big", origin="cdn") <= 12 * MEGABYTE * 1.01 - kept
    (weights,) = mine.cache.rglob("snapshots/*/model.safetensors")
    assert weights.stat().st_size == 12 * MEGABYTE


async def test_a_killed_worker_goes_on_where_it_was(hub: FakeHub, tmp_path: Path, big: str) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        await mine.start(big)
        await halfway(mine, big)
        (worker,) = workers(tmp_path)
        worker.kill()
        told = await mine.until(big, lambda download: download.retry_at is not None)
        assert told.state == "queued"
        assert told.error is not None
        assert "unexpectedly" in told.error.message
        await mine.state(big, "done")


async def test_only_so_many_run_at_a_time(hub: FakeHub, tmp_path: Path, big: str) -> None:
    async with downloads(tmp_path, hub, max_running=1, limit=SLOW) as mine:
        await mine.start(big)
        await mine.start(TINY)
        await halfway(mine, big)
        assert mine.seen()[TINY].state == "queued"
        assert len(workers(tmp_path)) == 1
        await mine.state(TINY, "done")
        assert mine.seen()[big].state == "done"


async def test_cancel_removes_what_was_fetched(hub: FakeHub, tmp_path: Path, big: str) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        download = await mine.start(big)
        await halfway(mine, big)
        await mine.manager.delete(download.id)
        assert mine.seen()[big].state == "cancelled"
        assert not workers(tmp_path)
        assert not list(mine.cache.rglob("*.incomplete"))
        with pytest.raises(MLXManagerError):
            locate(big, cache=mine.cache)
        with pytest.raises(Conflict):
            await mine.manager.resume(download.id)
        await mine.manager.delete(download.id)  # dismiss
        assert big not in mine.seen()
        with pytest.raises(UnknownDownload):
            await mine.manager.get(download.id)


async def test_a_refusal_is_told_and_can_be_tried_again(hub: FakeHub, tmp_path: Path) -> None:
    weights = {"size": 300_000, "seed": 1}
    hub.add("owner/gated-mlx", files={"model.safetensors": weights}, gated="manual")
    async with downloads(tmp_path, hub) as mine:
        download = await mine.start("owner/gated-mlx")
        failed = await mine.state("owner/gated-mlx", "failed")
        assert failed.error is not None
        assert failed.error.code == "gated"
        assert failed.error.hint
        hub.add("owner/gated-mlx", keep=True, gated=False, files={"config.json": "{}"})
        again = await mine.start("owner/gated-mlx")
        assert again.id == download.id
        await mine.state("owner/gated-mlx", "done")


async def test_it_waits_for_the_network_and_goes_on(hub: FakeHub, tmp_path: Path, big: str) -> None:
    with hub.offline():
        async with downloads(tmp_path, hub) as mine:
            await mine.start(big)
            waiting = await mine.until(big, lambda d: d.retry_at is not None, seconds=60)
            assert waiting.error is not None
            assert waiting.error.code == "hub_unreachable"
    async with downloads(tmp_path, hub) as again:
        await again.until(big, lambda download: download.state == "done", seconds=60)


async def test_the_limit_is_for_all_together(hub: FakeHub, tmp_path: Path, big: str) -> None:
    other = f"{big}-b"
    weights = {"size": 12 * MEGABYTE, "seed": 5}
    hub.add(other, files={"config.json": "{}", "model.safetensors": weights})
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        for model in (big, other):
            await mine.start(model)
        for model in (big, other):
            await mine.until(model, lambda download: download.bytes_done > MEGABYTE)
        began, before = time.monotonic(), hub.sent(origin="cdn")
        await asyncio.sleep(2)
        rate = (hub.sent(origin="cdn") - before) / (time.monotonic() - began)
        assert rate < SLOW * 1.3


async def test_another_jupyter_sees_and_takes_over(hub: FakeHub, tmp_path: Path, big: str) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        with another_jupyter() as other:
            async with downloads(tmp_path, hub, me=other, limit=SLOW) as second:
                await second.start(big)
                await halfway(second, big)
                await mine.until(big, lambda download: download.state == "running")
                (worker,) = workers(tmp_path)
            # The second has left: its worker lives on, and ours minds it now.
            assert worker.is_running()
            await mine.state(big, "done")
            assert mine.ledger.list()[0].owner is None


async def test_stopping_the_only_jupyter_stops_the_worker_and_the_next_goes_on(
    hub: FakeHub, tmp_path: Path, big: str
) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        await mine.start(big)
        await halfway(mine, big)
    assert not workers(tmp_path)
    async with downloads(tmp_path, hub) as again:
        assert again.seen()[big].bytes_done > 2 * MEGABYTE
        await again.state(big, "done")


async def test_a_worker_that_ignores_signals_is_killed(
    hub: FakeHub, tmp_path: Path, big: str
) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        download = await mine.start(big)
        await halfway(mine, big)
        (worker,) = workers(tmp_path)
        os.kill(worker.pid, signal.SIGSTOP)
        assert (await mine.manager.pause(download.id)).state == "paused"
        assert not workers(tmp_path)
