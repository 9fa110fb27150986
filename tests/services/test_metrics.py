"""The manager: real processes, and samples as they come."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.hardware import this_machine
from mlx_manager_jupyter.schema import (
    Event,
    MetricsQuery,
    Server,
    ServerState,
)
from mlx_manager_jupyter.services.metrics import MetricsManager
from mlx_manager_jupyter.services.metrics.manager import MOST_KEPT
from mlx_manager_jupyter.services.metrics.sampler import Paced
from tests.services.test_metrics_counts import record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from mlx_manager_jupyter.schema import Memory, Metrics

SECONDS = 30


def server(name: str, pid: int | None = None, state: ServerState = "ready") -> Server:
    return Server(name=name, model="org/model", engine="mlx-lm", state=state, pid=pid)


class Stage:
    """A manager, and the servers that it is told of."""

    def __init__(self, **traits: Any) -> None:
        self.servers: list[Server] = []
        self.looks = 0
        self.published: list[Event] = []
        self.samples: list[Metrics] = []
        self.manager = MetricsManager(
            this_machine(),
            self.pids,
            self.published.append,
            servers=lambda: self.servers,
            sampled=self.samples.append,
            **{"interval": 0.2, **traits},
        )

    def pids(self) -> Mapping[str, Sequence[int]]:
        self.looks += 1
        return {each.name: [each.pid] if each.pid else [] for each in self.servers}

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(SECONDS):
            while not true():
                await asyncio.sleep(0.01)

    async def more(self, count: int = 1) -> Metrics:
        """So many more samples, and the last of them."""
        wanted = len(self.samples) + count
        await self.until(lambda: len(self.samples) >= wanted)
        return self.samples[-1]


def rate_of(samples: list[Metrics], name: str) -> list[float]:
    return [each.servers[name].tokens_per_second for each in samples]


@asynccontextmanager
async def opened(*servers: Server, **traits: Any) -> AsyncIterator[Stage]:
    stage = Stage(**traits)
    stage.servers[:] = servers
    stage.manager.open()
    yield stage
    await stage.manager.close()


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process
        process.kill()


async def test_samples_are_kept_while_there_is_a_server_and_published_while_watched() -> None:
    async with opened(server("a", os.getpid())) as stage:
        await stage.more(2)
        assert stage.published == [], "nobody watches"
        stage.manager.watch(watched=True)
        await stage.until(lambda: len(stage.published) >= 2)
        stage.manager.watch(watched=False)
        published = len(stage.published)
        await stage.more(3)
        assert len(stage.published) == published
        times = (await stage.manager.past(MetricsQuery())).times
        assert len(times) >= len(stage.samples) - 1, "what nobody watched is there, too"


async def test_without_server_and_viewer_nothing_is_measured() -> None:
    async with opened(server("failed", state="failed")) as stage:
        await asyncio.sleep(0.5)
        assert stage.samples == []
        stage.manager.watch(watched=True)
        shown = await stage.more()
        assert shown.memory.total_bytes > 0
        assert shown.servers == {}
        assert stage.looks == 0, "there are no processes to look for"


async def test_a_viewer_need_not_wait() -> None:
    async with opened(interval=3600.0) as stage:
        await asyncio.sleep(0.1)
        stage.manager.watch(watched=True)
        await stage.until(lambda: stage.published)


async def test_a_sample_says_what_a_server_does(child: subprocess.Popen[bytes]) -> None:
    async with opened(server("a", os.getpid()), server("b", child.pid), server("far")) as stage:
        traffic = stage.manager.traffic("a")
        await stage.more()
        traffic.tokens += 50
        traffic.in_flight = 2
        await stage.until(lambda: max(rate_of(stage.samples, "a")) > 0)
        await stage.until(lambda: rate_of(stage.samples, "a")[-1] == 0)
        await stage.until(lambda: stage.samples[-1].servers["a"].cpu_percent)
        now = stage.samples[-1]
        assert now.servers["a"].in_flight == now.total.in_flight == 2
        ours, its = now.servers["a"].memory_bytes, now.servers["b"].memory_bytes
        assert ours
        assert its
        assert now.total.memory_bytes == ours + its
        assert ours > its > 1_000_000
        assert now.servers["far"].memory_bytes is None, "it runs somewhere else"
        assert now.cpu_percent is not None
        assert isinstance(stage.manager.history["a"], tuple)
        assert max(stage.manager.history["a"]) > 0


async def test_processes_are_looked_for_when_something_changes(
    child: subprocess.Popen[bytes],
) -> None:
    async with opened(server("a", os.getpid())) as stage:
        await stage.more(4)
        assert stage.looks <= 2, "and not for every sample"
        stage.servers.append(server("b", child.pid, "starting"))
        await stage.until(lambda: stage.samples[-1].servers.get("b"))
        assert stage.samples[-1].servers["b"].memory_bytes
        before = stage.looks
        stage.servers[1] = server("b", child.pid)
        await stage.until(lambda: stage.looks > before)


async def test_counters_outlive_a_server_and_its_figures_do_not() -> None:
    async with opened(server("a", os.getpid()), server("b", os.getpid())) as stage:
        await stage.more()
        stage.manager.traffic("a").ended(record(completion_tokens=7, first_token_seconds=0.5))
        stage.servers[:] = [server("b", os.getpid())]
        await stage.until(lambda: "a" not in stage.samples[-1].servers)
        total = stage.samples[-1].total
        assert (total.requests, total.tokens, total.first_token_p50) == (1, 7, 0.5)
        assert list(stage.manager.history) == ["b"]
        stage.servers.append(server("a", os.getpid()))
        await stage.until(lambda: "a" in stage.samples[-1].servers)
        assert stage.samples[-1].servers["a"].requests == 1
        past = await stage.manager.past(MetricsQuery())
        assert None in past.servers["a"]["memory_bytes"], "it was away"


async def test_counters_of_many_that_are_gone_are_forgotten_unless_busy() -> None:
    async with opened(server("a", os.getpid())) as stage:
        stage.manager.traffic("busy").queued = 1
        for number in range(2 * MOST_KEPT):
            stage.manager.traffic(f"gone-{number}")
        await stage.more(2)
        kept = stage.manager._traffic
        assert "busy" in kept
        assert "a" in kept
        assert f"gone-{2 * MOST_KEPT - 1}" in kept
        assert len(kept) <= MOST_KEPT + 2
        assert list(stage.manager.counted) == [("a", "org/model", "mlx-lm")], "seen to run"


async def test_now_measures_without_a_sample() -> None:
    stage = Stage()  # not opened
    stage.servers[:] = [server("a", os.getpid()), server("gone", state="stopped")]
    now = await stage.manager.now(servers=True)
    assert set(now.servers) == {"a"}
    assert now.servers["a"].memory_bytes == now.total.memory_bytes
    assert now.servers["a"].memory_bytes
    assert now.servers["a"].cpu_percent is None, "that takes two looks"
    assert stage.samples == []
    assert (await stage.manager.now(servers=False)).servers == {}


async def test_the_past_begins_when_it_is_asked_to() -> None:
    async with opened(server("a", os.getpid())) as stage:
        middle = (await stage.more(3)).time
        await stage.more(2)
        past = await stage.manager.past(MetricsQuery(since=middle))
        assert past.times[0] == pytest.approx(middle.timestamp(), abs=0.001)
        assert past.step_seconds == 0.2
        naive = MetricsQuery(since=middle.replace(tzinfo=None))
        assert (await stage.manager.past(naive)).times[0] == past.times[0], "it is UTC"
        later = MetricsQuery(since=datetime.now(UTC) + timedelta(hours=1))
        assert (await stage.manager.past(later)).times == ()
        assert (await stage.manager.past(MetricsQuery(step=10))).step_seconds == 10
        assert past.total_bytes == stage.samples[-1].memory.total_bytes


async def test_the_past_of_one_that_never_sampled() -> None:
    past = await Stage().manager.past(MetricsQuery())
    assert past.times == ()
    assert past.total_bytes == this_machine().memory().total_bytes


async def test_a_look_that_fails_is_said_once_and_tried_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage()
    machine, fails = stage.manager._machine, [True]
    memory = machine.memory

    def unreadable(seems_free: int = 0) -> Memory:
        if fails:
            raise ValueError("vm_stat answers in an unknown format")
        return memory(seems_free)

    monkeypatch.setattr(machine, "memory", unreadable)
    stage.manager._sampler._memory = Paced(machine.memory, 0.01)
    stage.manager.open()
    stage.manager.watch(watched=True)
    await asyncio.sleep(0.7)
    assert stage.samples == []
    fails.clear()
    await stage.more(2)
    await stage.manager.close()
    assert len([each for each in caplog.records if "can't be measured" in each.message]) == 1


async def test_closing_twice_and_before_opening_is_no_mistake() -> None:
    stage = Stage()
    await stage.manager.close()
    stage.manager.open()
    await stage.manager.close()
    await stage.manager.close()


def test_what_is_dear_is_asked_less_often() -> None:
    asked: list[int] = []

    def cheap() -> int:
        asked.append(1)
        return len(asked)

    once = Paced(cheap, 0.01, at_least=3600.0)
    assert (once(), once(), once()) == (1, 1, 1)
    assert once(anew=True) == 2

    def dear() -> int:
        return sum(range(3_000_000)) and cheap()  # tens of milliseconds: seconds of rest

    asked.clear()
    costly = Paced(dear, 0.01)
    assert (costly(), costly(), costly()) == (1, 1, 1)
