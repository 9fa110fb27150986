from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from mlx_manager_jupyter.schema import (
    Event,
    Hardware,
    Memory,
    Metrics,
    MetricsSampled,
    ServerRemoved,
    Snapshot,
)
from mlx_manager_jupyter.services.events import EventHub


def hub(**traits: Any) -> EventHub:
    hardware = Hardware(chip="test", system="test", cores=1, memory_bytes=1)
    return EventHub(
        lambda: Snapshot(hardware=hardware, gateway_url="", servers=(), profiles=()), **traits
    )


def sampled() -> MetricsSampled:
    memory = Memory(total_bytes=2, used_bytes=1, available_bytes=1)
    return MetricsSampled(metrics=Metrics(time=datetime.now(UTC), memory=memory))


def numbers(events: list[Event]) -> list[int]:
    return [int(event.id.rpartition("-")[2]) for event in events]


async def test_a_viewer_sees_a_snapshot_then_numbered_deltas() -> None:
    viewer = (events := hub()).subscribe()
    (first,) = await viewer.next_batch()
    assert isinstance(first, Snapshot)
    for name in "abc":
        events.publish(ServerRemoved(name=name))
    batch = await viewer.next_batch()
    assert [event.name for event in batch if isinstance(event, ServerRemoved)] == ["a", "b", "c"]
    assert numbers([first, *batch]) == [0, 1, 2, 3]


async def test_a_viewer_who_was_away_for_the_first_change_of_all_gets_a_snapshot() -> None:
    events = hub()
    viewer = events.subscribe()
    (first,) = await viewer.next_batch()
    viewer.close()
    events.publish(ServerRemoved(name="unseen"))
    (again,) = await events.subscribe(first.id).next_batch(timeout=1)
    assert isinstance(again, Snapshot)
    assert numbers([first, again]) == [0, 1]


async def test_a_viewer_catches_up_after_its_last_id() -> None:
    events = hub()
    viewer = events.subscribe()
    events.publish(ServerRemoved(name="seen"))
    seen = await viewer.next_batch()
    viewer.close()
    events.publish(ServerRemoved(name="missed"))
    (missed,) = await events.subscribe(seen[-1].id).next_batch()
    assert isinstance(missed, ServerRemoved)
    assert missed.name == "missed"


async def test_an_id_of_another_life_or_too_old_gets_a_snapshot() -> None:
    events = hub(ring_limit=10)
    events.subscribe()
    for index in range(20):
        events.publish(ServerRemoved(name=f"n{index}"))
    epoch = events.snapshot().id.rpartition("-")[0]
    for last_id in ("beef-3", f"{epoch}-1", f"{epoch}-99", "nonsense", ""):
        (first,) = await events.subscribe(last_id).next_batch()
        assert isinstance(first, Snapshot), last_id


async def test_a_slow_viewer_gets_a_fresh_snapshot_and_loses_no_state_change() -> None:
    events = hub(queue_limit=10)
    slow = events.subscribe()
    for index in range(50):
        events.publish(ServerRemoved(name=f"n{index}"))
    batch = await slow.next_batch()
    assert len(batch) <= 10
    assert isinstance(batch[0], Snapshot)
    got = numbers(batch)
    assert got == list(range(got[0], 51))


async def test_only_samples_are_coalesced_and_they_do_not_count() -> None:
    events = hub()
    viewer = events.subscribe()
    for _ in range(5):
        events.publish(sampled())
    events.publish(ServerRemoved(name="a"))
    events.publish(sampled())
    kinds = [type(event) for event in await viewer.next_batch()]
    assert kinds == [Snapshot, ServerRemoved, MetricsSampled]


async def test_closing_wakes_a_waiting_viewer_and_ends_sampling() -> None:
    watched: list[bool] = []
    events = EventHub(hub().snapshot, watched.append)
    viewer = events.subscribe()
    await viewer.next_batch()
    waiting = asyncio.ensure_future(viewer.next_batch())
    await asyncio.sleep(0)
    events.close()
    assert await asyncio.wait_for(waiting, 1) == []
    assert viewer.closed
    assert events.subscribe().closed, "who comes back while Jupyter stops must not stay"
    assert events.viewers == 0
    assert watched == [True, False]


async def test_a_quiet_stream_answers_at_its_heartbeat() -> None:
    viewer = hub().subscribe()
    await viewer.next_batch()
    assert await viewer.next_batch(timeout=0.02) == []
    assert not viewer.closed
