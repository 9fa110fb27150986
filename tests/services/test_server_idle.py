"""Servers that nobody uses: ended after their time, and their memory comes back."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from tests.fixtures.jupyter import runs, started_from
from tests.fixtures.models import make
from tests.services.extensions import another_jupyter, extension

MEGABYTE = 2**20
BALLAST = 300
#: Linux adds its counters of memory up once a second: what was taken or given a moment ago is not
#: in them yet.
COUNTED_SECONDS = 2.0
#: What the kernel may take to free the memory of a process that ends.
ENDING_SECONDS = 0.3


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make("chat", tmp_path / "tiny-chat")


def held_by(pid: int) -> int:
    """What the tree of a process holds, in megabytes."""
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(each.memory_info().rss for each in tree) // MEGABYTE


def held_by_all() -> int:
    """What all programs of the machine hold, in megabytes.

    Not what is free: Linux keeps pages that a process gave back on its processors' own lists, more
    than a hundred megabytes of them, and counts them as neither.
    """
    counters = Path("/proc/meminfo")
    if not counters.exists():
        return int(psutil.virtual_memory().used) // MEGABYTE
    told = dict(line.split(":") for line in counters.read_text("ascii").splitlines())
    return int(told["AnonPages"].split()[0]) // 1024


class Memory:
    """Watches the system's memory around the end of a process, as others use it too."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.came_back = 0
        """Megabytes that nobody held after its end, and somebody a moment before."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        seen = [(time.monotonic(), held_by_all())]
        while self._holds_all():
            seen.append((time.monotonic(), held_by_all()))
            time.sleep(0.01)
        ended = time.monotonic()
        # A process that ends says to the last that it holds all, while some of it is free already.
        before = next(
            (held for when, held in reversed(seen) if when < ended - ENDING_SECONDS), seen[0][1]
        )
        deadline = ended + COUNTED_SECONDS
        while time.monotonic() < deadline:
            self.came_back = max(self.came_back, before - held_by_all())
            time.sleep(0.01)

    def _holds_all(self) -> bool:
        try:
            return self._process.memory_info().rss >= BALLAST * MEGABYTE
        except psutil.NoSuchProcess:
            return False

    async def settled(self) -> int:
        await asyncio.to_thread(self._thread.join)
        return self.came_back


async def test_unloading_gives_the_memory_back(tmp_path: Path, model: Path) -> None:
    env = {"FAKE_ENGINE": f'{{"ballast_megabytes": {BALLAST}, "fork_child": true}}'}
    came_back = []
    async with extension(tmp_path) as one:
        # Other programs take and give memory in the same moment: rarely three times in a row.
        for _ in range(3):
            await one.ask(model=str(model), name="tiny", ttl=COUNTED_SECONDS, set={"env": env})
            ready = await one.ready()
            assert ready.pid
            assert ready.idle_unload_seconds == COUNTED_SECONDS
            assert held_by(ready.pid) >= BALLAST
            memory = Memory(ready.pid)
            await one.until(lambda seen: not seen)
            assert not runs(ready.pid)
            assert started_from(model) == []
            assert await asyncio.to_thread(one.claims.list) == []
            came_back.append(await memory.settled())
            if came_back[-1] > BALLAST * 0.8:
                break
    print(f"{came_back} MB of {BALLAST} MB came back")
    assert max(came_back) > BALLAST * 0.8


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
