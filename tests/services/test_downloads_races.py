"""Downloads when two things happen at once: no wrong word, no lost wish, nothing left running."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.hub.worker.job import Job
from mlx_manager_jupyter.errors import DownloadFailed, Offline, StoreUnusable, UnknownDownload
from mlx_manager_jupyter.schema import DownloadChanged, StartDownload, StoredDownload
from tests.fixtures.hub import FakeHub
from tests.fixtures.models import make
from tests.services.downloading import MEGABYTE, Downloads, downloads, workers
from tests.services.extensions import another_jupyter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mlx_manager_jupyter.adapters.hub.worker.job import JobState

TINY = "mlx-community/tiny-chat"
BIG = "mlx-community/Big-4bit"
SLOW = 4 * MEGABYTE


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    folder = make("chat", tmp_path_factory.mktemp("models") / "tiny")
    weights = {"size": 12 * MEGABYTE, "seed": 11}
    with FakeHub(repos={TINY: folder}) as running:
        running.add(BIG, files={"config.json": "{}", "model.safetensors": weights})
        yield running


@pytest.fixture(autouse=True)
def clean(hub: FakeHub) -> Iterator[None]:
    yield
    hub.clear()
    hub.reset()


async def halfway(mine: Downloads) -> None:
    await mine.until(BIG, lambda download: download.bytes_done > 2 * MEGABYTE)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def states(mine: Downloads) -> list[str]:
    """What a viewer saw, one after the other, each once."""
    told = [event.download.state for event in mine.events if isinstance(event, DownloadChanged)]
    return [state for place, state in enumerate(told) if told[place - 1 : place] != [state]]


async def test_a_viewer_sees_no_step_back(hub: FakeHub, tmp_path: Path) -> None:
    async with downloads(tmp_path, hub) as mine:
        await mine.start(TINY)
        await mine.state(TINY, "done")
        assert [state for state in states(mine) if state != "verifying"] == [
            "queued",
            "running",
            "done",
        ]
        assert len({event.download for event in changes(mine)}) == len(changes(mine))


def changes(mine: Downloads) -> list[DownloadChanged]:
    return [event for event in mine.events if isinstance(event, DownloadChanged)]


async def test_a_worker_that_ends_during_a_look_has_not_crashed(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Job.state

    def slow_to_read(job: Job) -> JobState | None:
        said = original(job)
        while said and said.stage != "done" and job.is_running():
            time.sleep(0.01)
        return said

    monkeypatch.setattr(Job, "state", slow_to_read)
    async with downloads(tmp_path, hub) as mine:
        await mine.start(TINY)
        await mine.state(TINY, "done", "failed")
        assert [event.download.error for event in changes(mine)] == [None] * len(changes(mine))


async def test_asked_for_again_while_it_is_cancelled(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping, go_on = threading.Event(), threading.Event()
    original = Job.stop

    def slow_to_stop(job: Job, grace_seconds: float = 2.0) -> None:
        stopping.set()
        assert go_on.wait(20)
        original(job, grace_seconds)

    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        download = await mine.start(BIG)
        await halfway(mine)
        monkeypatch.setattr(Job, "stop", slow_to_stop)
        cancelling = asyncio.create_task(mine.manager.delete(download.id))
        await until(stopping.is_set)
        again = asyncio.create_task(mine.manager.start(mine.ledger.list()[0].wanted))
        await mine.manager.list()
        assert mine.seen()[BIG].state != "cancelled"  # its worker lives, and its files are there
        go_on.set()
        await cancelling
        asked, new = await again
        assert new
        assert asked.state in {"queued", "running"}
        assert (await mine.state(BIG, "done", "cancelled")).state == "done"


async def test_cancelled_elsewhere_at_the_moment_of_its_launch(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Job.launch

    def launch(job: Job, environment: Mapping[str, str]) -> None:
        (stored,) = mine.ledger.list()
        other.ledger.intend(stored.name, "cancel")
        other.manager._minder._obey(stored.name)  # there is no worker yet to be stopped
        monkeypatch.setattr(Job, "launch", original)
        job.folder.mkdir(parents=True, exist_ok=True)
        original(job, environment)

    with another_jupyter() as identity:
        async with (
            downloads(tmp_path, hub, limit=SLOW) as mine,
            downloads(tmp_path, hub, me=identity, limit=SLOW) as other,
        ):
            monkeypatch.setattr(Job, "launch", launch)
            await mine.start(BIG)
            await mine.state(BIG, "cancelled")
            await until(lambda: not workers(tmp_path))
            assert not list(mine.cache.rglob("*.incomplete"))


async def test_dismissed_and_asked_for_at_once(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Job.discard
    discarding, go_on = threading.Event(), threading.Event()

    def slow_to_discard(job: Job) -> None:
        discarding.set()
        assert go_on.wait(20)
        original(job)

    async with downloads(tmp_path, hub) as mine:
        first = await mine.start(TINY)
        await mine.state(TINY, "done")
        monkeypatch.setattr(Job, "discard", slow_to_discard)
        dismissing = asyncio.create_task(mine.manager.delete(first.id))
        await until(discarding.is_set)
        asking = asyncio.create_task(mine.start(TINY))
        await mine.manager.list()
        go_on.set()
        await dismissing
        assert (await asking).id == first.id
        await until(lambda: mine.seen()[TINY].state == "done")


async def test_a_new_round_of_a_done_one_begins_at_nothing(hub: FakeHub, tmp_path: Path) -> None:
    async with downloads(tmp_path, hub, max_running=1, limit=SLOW) as mine:
        await mine.start(TINY)
        await mine.state(TINY, "done")
        shutil.rmtree(mine.cache)
        await mine.start(BIG)
        again = await mine.start(TINY)
        assert again.state == "queued"
        assert (again.bytes_done, again.bytes_total, again.finished_at) == (0, None, None)
        paused = await mine.manager.pause(again.id)
        assert paused.state == "paused"


async def test_paused_too_late_is_done(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Job.stop

    def stop(job: Job, grace_seconds: float = 2.0) -> None:
        while job.is_running():
            time.sleep(0.01)
        original(job, grace_seconds)

    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        download = await mine.start(BIG)
        await halfway(mine)
        monkeypatch.setattr(Job, "stop", stop)
        assert (await mine.manager.pause(download.id)).state == "done"
        assert mine.ended == 1


async def test_a_record_that_vanishes_stops_nobody_else(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        gone = await mine.start(BIG)
        await halfway(mine)
        original = mine.ledger.list

        def list_then_forget() -> list[StoredDownload]:
            listed = original()
            if any(stored.name == gone.id and stored.intent == "cancel" for stored in listed):
                mine.store.delete(StoredDownload, gone.id)
            return listed

        monkeypatch.setattr(mine.ledger, "list", list_then_forget)
        mine.ledger.intend(gone.id, "cancel")
        await until(lambda: BIG not in mine.seen())
        await mine.start(TINY)
        await mine.state(TINY, "done")
        with pytest.raises(UnknownDownload):
            await mine.manager.get(gone.id)
        for worker in workers(tmp_path):
            worker.kill()


async def test_a_worker_that_can_not_be_stopped_holds_up_nobody(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        stuck = await mine.start(BIG)
        await halfway(mine)
        original = Job.stop

        def stop(job: Job, grace_seconds: float = 2.0) -> None:
            if job.folder.name == stuck.id:
                raise DownloadFailed("It can't be stopped.")
            original(job, grace_seconds)

        monkeypatch.setattr(Job, "stop", stop)
        with pytest.raises(DownloadFailed):
            await mine.manager.pause(stuck.id)
        assert mine.seen()[BIG].state == "running"  # which it is
        await mine.start(TINY)
        await mine.state(TINY, "done")
        await mine.manager.close()
        monkeypatch.setattr(Job, "stop", original)
        for worker in workers(tmp_path):
            worker.kill()


async def test_closing_during_a_launch_leaves_no_worker(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launching = threading.Event()
    original = Job.launch

    def slow_to_launch(job: Job, environment: Mapping[str, str]) -> None:
        launching.set()
        time.sleep(0.5)
        original(job, environment)

    monkeypatch.setattr(Job, "launch", slow_to_launch)
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        asking = asyncio.create_task(mine.start(BIG))
        await until(launching.is_set)
    await asking
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        assert not workers(tmp_path)
        await asyncio.sleep(0.05)
    (stored,) = mine.ledger.list()
    assert (stored.owner, stored.intent, stored.outcome) == (None, "run", None)


async def test_a_folder_deleted_by_hand_costs_a_try_at_most(hub: FakeHub, tmp_path: Path) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        await mine.start(BIG)
        await halfway(mine)
        shutil.rmtree(tmp_path / "downloads")
        await mine.start(TINY)
        await mine.state(TINY, "done")
        await mine.state(BIG, "done")


async def test_what_another_jupyter_fetched_between_two_looks_is_told_here_too(
    hub: FakeHub, tmp_path: Path
) -> None:
    async with downloads(tmp_path, hub) as mine:
        with another_jupyter() as other:
            async with (
                downloads(tmp_path, hub, me=other) as second,
                mine.manager._minder._looking,
            ):
                await second.start(TINY)
                await second.state(TINY, "done")
        await until(lambda: mine.ended == 1)


async def test_a_done_one_of_an_earlier_run_is_no_news(hub: FakeHub, tmp_path: Path) -> None:
    async with downloads(tmp_path, hub) as mine:
        await mine.start(TINY)
        await mine.state(TINY, "done")
    async with downloads(tmp_path, hub) as again:
        await again.manager.list()
        assert again.seen()[TINY].state == "done"
        assert again.ended == 0


async def test_offline_nothing_goes_on_whatever_is_asked(hub: FakeHub, tmp_path: Path) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        download = await mine.start(BIG)
        await halfway(mine)
        await mine.manager.pause(download.id)
        await mine.start(TINY, revision="0" * 40)  # queued still, or failed, when it closes
        left = mine.ledger.ask(StartDownload(model="owner/left-behind"), lambda _: None)[0]
    hub.reset()
    async with downloads(tmp_path, hub, is_offline=True) as offline:
        with pytest.raises(Offline):
            await offline.manager.resume(download.id)
        assert (await offline.manager.get(download.id)).state == "paused"
        waiting = await offline.manager.get(left.name)
        assert waiting.state == "queued"
        assert waiting.error is not None
        assert waiting.error.code == "offline"
        for _ in range(3):
            await offline.manager._minder._round()
        assert not workers(tmp_path)
        await offline.manager.delete(download.id)
        assert offline.seen()[BIG].state == "cancelled"
    assert hub.connections() == {"hub": 0, "cdn": 0}


async def test_offline_a_worker_that_nobody_minds_is_stopped(hub: FakeHub, tmp_path: Path) -> None:
    with another_jupyter() as other:
        killed = Downloads(tmp_path, hub, other, {"limit": SLOW})
        await killed.manager._minder._round()
        await killed.start(BIG)
        await killed.manager._minder._round()
        await until(lambda: workers(tmp_path))
    async with downloads(tmp_path, hub, is_offline=True) as offline:
        await until(lambda: not workers(tmp_path))
        await offline.state(BIG, "queued")


async def test_closing_takes_seconds_however_stuck_a_worker_is(
    hub: FakeHub, tmp_path: Path
) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        await mine.start(BIG)
        await halfway(mine)
        (worker,) = workers(tmp_path)
        worker.suspend()
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert not workers(tmp_path)


async def test_whatever_goes_wrong_in_a_round_the_next_one_comes(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with downloads(tmp_path, hub) as mine:
        broken = threading.Event()

        def claim(*_: object) -> list[StoredDownload]:
            monkeypatch.undo()
            broken.set()
            raise KeyError("a fault of ours")

        monkeypatch.setattr(mine.ledger, "claim", claim)
        await mine.start(TINY)
        await mine.state(TINY, "done")
        assert broken.is_set()
    assert "a fault of ours" in caplog.text


async def test_a_store_that_can_not_be_written_is_told_and_waited_for(
    hub: FakeHub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with downloads(tmp_path, hub, limit=SLOW) as mine:
        await mine.start(BIG)
        await halfway(mine)
        (tmp_path / "state.json.lock").unlink()
        (tmp_path / "state.json.lock").mkdir()  # as root, to whom no file is read-only
        with pytest.raises(StoreUnusable):
            await mine.start(TINY)
        await mine.until(BIG, lambda download: download.bytes_done == 12 * MEGABYTE + 2)
        await until(lambda: "state.json" in caplog.text)
        assert len([line for line in caplog.messages if "state.json" in line]) < 5
        (tmp_path / "state.json.lock").rmdir()
        await mine.state(BIG, "done")
