"""What is counted of requests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mlx_manager_jupyter.schema import RequestRecord, ServerLoad
from mlx_manager_jupyter.services.metrics import BUCKETS, Counts, Traffic
from mlx_manager_jupyter.services.metrics.traffic import total


def record(**fields: Any) -> RequestRecord:
    of_all = {"id": "1", "time": datetime.now(UTC), "endpoint": "chat/completions", "asked": "a"}
    given: dict[str, Any] = {**of_all, "status": 200, **fields}
    return RequestRecord(**given)


def test_what_a_server_did_and_what_all_did() -> None:
    everybody = Counts()
    one, two = Traffic(60, everybody, 0.0), Traffic(60, everybody, 0.0)
    one.ended(record(prompt_tokens=10, completion_tokens=5, first_token_seconds=0.2))
    one.ended(record(status=502, error="upstream_failed", completion_tokens=2))
    one.ended(record(status=499, finish="cancelled", completion_tokens=1))
    two.ended(record(prompt_tokens=1, completion_tokens=1, first_token_seconds=0.4))
    load = one.load(None, None)
    assert (load.requests, load.errors, load.tokens) == (3, 1, 8), "to leave is no error"
    assert one.counts.errors == {"upstream_failed": 1}
    assert one.counts.prompt_tokens == 10
    both = total([load, two.load(None, None)], everybody)
    assert (both.requests, both.errors, both.tokens) == (4, 1, 9)
    assert (both.first_token_p50, both.first_token_p95) == (0.2, 0.4)
    assert total([], everybody).requests == 4, "those that are gone have been asked, too"


def test_percentiles_are_of_the_latest_hundred() -> None:
    counts = Counts()
    assert not any(counts.first_token)
    for _ in range(500):
        counts.add(record(first_token_seconds=9.0))
    for number in range(1, 101):
        counts.add(record(first_token_seconds=number / 100))
        counts.add(record())  # it had no token
    assert counts.first_token == (0.5, 0.95)
    counts.add(record(first_token_seconds=7.0))
    assert counts.first_token == (0.51, 0.96), "it is looked at again"


def test_buckets_are_of_all() -> None:
    counts = Counts()
    for seconds in (0.01, BUCKETS[0], 0.3, 1000.0):
        counts.add(record(first_token_seconds=seconds))
    assert counts.buckets[0] == 2, "the end belongs to it"
    assert counts.buckets[BUCKETS.index(0.5)] == 1
    assert counts.buckets[-1] == 1
    assert sum(counts.buckets) == 4
    assert counts.first_token_sum == 0.01 + BUCKETS[0] + 0.3 + 1000.0


def test_a_rate_is_of_the_time_since_the_last_sample() -> None:
    traffic = Traffic(3, Counts(), 100.0)
    traffic.tokens = 50
    traffic.sample(102.0)
    assert traffic.load(None, None).tokens_per_second == 25.0
    traffic.sample(103.0)
    traffic.tokens = 60
    traffic.sample(103.5)
    traffic.sample(103.5)
    assert list(traffic.history) == [0.0, 20.0, 0.0], "as many as were asked for"


def test_a_total_is_a_sum_of_what_is_known() -> None:
    loads = [
        ServerLoad(memory_bytes=5, cpu_percent=10.0, in_flight=1, tokens_per_second=1.5),
        ServerLoad(memory_bytes=None, queued=2, tokens_per_second=2.0),  # somewhere else
    ]
    both = total(loads, Counts())
    assert both == ServerLoad(
        memory_bytes=5, cpu_percent=10.0, in_flight=1, queued=2, tokens_per_second=3.5
    )
    assert total([], Counts()) == ServerLoad(memory_bytes=0)
