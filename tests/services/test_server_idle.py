"""Servers that nobody uses: ended after their time, and their memory comes back."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psutil
import pytest

from mlx_manager_jupyter.adapters.hardware import this_machine
from tests.fixtures.jupyter import runs, started_from
from tests.fixtures.models import make
from tests.services.extensions import another_jupyter, extension

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 2**20
BALLAST = 300


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make("chat", tmp_path / "tiny-chat")


def held_by(pid: int) -> int:
    """What the tree of a process holds, in megabytes."""
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(each.memory_info().rss for each in tree) // MEGABYTE


async def test_unloading_gives_the_memory_back(tmp_path: Path, model: Path) -> None:
    machine = this_machine()
    async with extension(tmp_path) as one:
        env = {"FAKE_ENGINE": f'{{"ballast_megabytes": {BALLAST}, "fork_child": true}}'}
        await one.ask(model=str(model), name="tiny", ttl=1.5, set={"env": env})
        ready = await one.ready()
        assert ready.pid
        assert ready.idle_unload_seconds == 1.5
        held, free = held_by(ready.pid), machine.memory().available_bytes
        assert held >= BALLAST
        await one.until(lambda seen: not seen)
        assert not runs(ready.pid)
        assert started_from(model) == []
        # Others on this machine take and give memory, too: most of it must be back.
        back = (machine.memory().available_bytes - free) // MEGABYTE
        assert back > BALLAST * 0.6, f"{back} MB of {held} MB came back"
        assert await asyncio.to_thread(one.claims.list) == []


async def test_requests_put_it_off_and_one_in_flight_forbids_it(
    tmp_path: Path, model: Path
) -> None:
    async with extension(tmp_path) as one:
        await one.ask(model=str(model), name="tiny", ttl=0.6, set={"pinned": True})
        await one.ready()
        use = (await one.servers.find("tiny")).use
        use.begin()
        await asyncio.sleep(1.5)
        assert one.seen()["tiny"].state == "ready"
        assert one.seen()["tiny"].last_used_at
        use.end()
        ended = time.monotonic()
        # Pinned only means that nobody else makes it go.
        await one.until(lambda seen: not seen)
        assert time.monotonic() - ended > 0.5


async def test_one_without_a_time_stays(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path) as one:
        await one.start(model)
        await one.ready()
        await asyncio.sleep(1.2)
        assert one.seen()["tiny"].state == "ready"


async def test_the_clock_runs_on_while_no_jupyter_does(tmp_path: Path, model: Path) -> None:
    with another_jupyter() as first:
        async with extension(tmp_path, first) as one:
            await one.ask(model=str(model), name="tiny", ttl=3600.0, keep=True)
            pid = (await one.ready()).pid
            use = (await one.servers.find("tiny")).use
            use.begin()
            use.end()
            await one.until(lambda seen: seen["tiny"].last_used_at)
            stored = await asyncio.to_thread(one.claims.find, "tiny")
    assert stored
    assert stored.last_used_at
    assert pid
    assert runs(pid)
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    await asyncio.to_thread(
        one.claims.update, "tiny", stored.run, last_used_at=long_ago, ready_at=long_ago
    )
    async with extension(tmp_path) as two:
        await two.until(lambda seen: not seen and two.states() != [])
        assert not runs(pid)


async def test_use_through_another_extension_counts(tmp_path: Path, model: Path) -> None:
    with another_jupyter() as other:
        async with extension(tmp_path) as one, extension(tmp_path, other) as two:
            await one.ask(model=str(model), name="tiny", ttl=1.5)
            await one.ready()
            await two.ready()
            use = (await two.servers.find("tiny")).use
            use.begin()
            await one.until(lambda seen: "tiny" in seen and seen["tiny"].last_used_at)
            await asyncio.sleep(2.5)
            assert one.seen()["tiny"].state == "ready"
            assert not await one.servers.unload("tiny")
            use.end()


async def test_unload_leaves_alone_what_is_in_use_or_not_there(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path) as one:
        assert not await one.servers.unload("tiny")
        await one.start(model, load_seconds=0.5)
        assert not await one.servers.unload("tiny"), "it is not even ready"
        await one.ready()
        server = await one.servers.find("tiny")
        server.use.begin()
        assert not await one.servers.unload("tiny")
        server.use.end()
        gone = await asyncio.gather(*(one.servers.unload("tiny") for _ in range(3)))
        assert sorted(gone) == [False, False, True]
        assert one.seen() == {}
