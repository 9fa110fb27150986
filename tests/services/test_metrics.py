from __future__ import annotations

import asyncio
import os

from mlx_manager_jupyter.adapters.hardware import this_machine
from mlx_manager_jupyter.schema import Event, MetricsSampled
from mlx_manager_jupyter.services.metrics import MetricsManager


async def test_samples_come_while_watched_and_only_then() -> None:
    published: list[Event] = []
    running = {"a": [os.getpid()]}
    metrics = MetricsManager(this_machine(), lambda: running, published.append, interval=0.2)
    metrics.traffic("a").tokens = 50
    metrics.traffic("gone").tokens = 5
    metrics.watch(watched=True)
    async with asyncio.timeout(5):
        while len(published) < 2:
            await asyncio.sleep(0.01)
    metrics.watch(watched=False)
    seen = len(published)
    await asyncio.sleep(0.5)
    assert len(published) == seen

    first, second = published[:2]
    assert isinstance(first, MetricsSampled)
    assert isinstance(second, MetricsSampled)
    assert set(first.metrics.servers) == {"a"}
    assert first.metrics.servers["a"].tokens_per_second > 0
    assert second.metrics.servers["a"].tokens_per_second == 0
    assert (first.metrics.servers["a"].memory_bytes or 0) > 1_000_000
    assert list(metrics.history) == ["a"], "a server that is gone is forgotten"
