"""The history with times of its own: what is kept, how it is folded, and what is forgotten."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from mlx_manager_jupyter.schema import Memory, Metrics, ServerLoad
from mlx_manager_jupyter.services.metrics.answer import answer
from mlx_manager_jupyter.services.metrics.history import MOST_SERIES, History
from mlx_manager_jupyter.services.metrics.series import Table

#: A multiple of ten, as are the beginnings of what is folded.
START = 1_800_000_000
GB = 10**9


def sample(time: float, cpu: float | None = 1.0, /, **servers: ServerLoad) -> Metrics:
    used = int(time - START) % 50 * GB
    return Metrics(
        time=datetime.fromtimestamp(time, UTC),
        memory=Memory(total_bytes=64 * GB, used_bytes=used, available_bytes=64 * GB - used),
        cpu_percent=cpu,
        servers=servers,
        total=ServerLoad(in_flight=sum(load.in_flight for load in servers.values())),
    )


def at(*seconds: int) -> tuple[float, ...]:
    return tuple(float(START + second) for second in seconds)


def points(*values: float | None) -> tuple[float | None, ...]:
    return values


def load(**fields: Any) -> ServerLoad:
    return ServerLoad(**{"memory_bytes": GB, "cpu_percent": 50.0, **fields})


def filled(seconds: int, step: int = 1, begin: int = START) -> History:
    history = History()
    for second in range(0, seconds, step):
        history.add(sample(begin + second, a=load(in_flight=second % 10)))
    return history


def test_columns_are_of_one_length_and_oldest_first() -> None:
    got = answer(filled(30).cut(START), 64 * GB)
    assert got.step_seconds == 1.0
    assert got.times == at(*range(30))
    assert got.total_bytes == 64 * GB
    assert got.servers["a"]["memory_bytes"] == points(*[GB] * 30)
    assert got.servers["a"]["in_flight"] == points(*[second % 10 for second in range(30)])
    assert got.servers["a"]["first_token_p50"] == points(*[None] * 30)
    assert got.total["in_flight"] == got.servers["a"]["in_flight"]
    assert got.system["used_bytes"] == pytest.approx([second * GB for second in range(30)])
    assert set(got.system) == {"used_bytes", "available_bytes", "cpu_percent"}
    assert list(got.servers["a"]) == [
        *("memory_bytes", "cpu_percent", "in_flight", "queued"),
        *("tokens_per_second", "first_token_p50", "first_token_p95"),
    ]


def test_since_is_the_first_moment_that_counts() -> None:
    history = filled(30)
    assert answer(history.cut(START + 10), 0).times[0] == START + 10
    assert answer(history.cut(START + 10.5), 0).times[0] == START + 11
    assert answer(history.cut(START + 100), 0).times == ()
    assert answer(History().cut(START), 0).times == ()


def test_ten_seconds_are_folded_into_one() -> None:
    history = History()
    for second in range(25):
        history.add(
            sample(
                START + second,
                float(second),
                a=load(
                    memory_bytes=second * GB,
                    cpu_percent=float(second),
                    in_flight=second % 10,
                    tokens_per_second=2.0 * (second % 2),
                    first_token_p50=None if second < 10 else second / 100,
                ),
            )
        )
    got = answer(history.cut(START, 10), 0)
    assert got.step_seconds == 10.0
    assert got.times == at(0, 10, 20), "what goes on is there so far"
    one = got.servers["a"]
    assert one["memory_bytes"] == pytest.approx((9 * GB, 19 * GB, 24 * GB)), "the peak"
    assert one["in_flight"] == points(9, 9, 4), "the peak"
    assert one["tokens_per_second"] == (1.0, 1.0, 0.8), "the mean"
    assert one["cpu_percent"] == (4.5, 14.5, 22.0), "the mean"
    assert one["first_token_p50"] == (None, 0.19, 0.24), "the latest, as far as there was one"
    assert got.system["used_bytes"] == pytest.approx((9 * GB, 19 * GB, 24 * GB))
    assert got.system["available_bytes"] == pytest.approx((55 * GB, 45 * GB, 40 * GB)), "the least"
    history.add(sample(START + 25, a=load(in_flight=7)))
    assert answer(history.cut(START + 20, 10), 0).servers["a"]["in_flight"] == (7,), "goes on"


def test_seconds_reach_back_fifteen_minutes_and_folded_ones_a_day() -> None:
    history = filled(100_000, step=20)
    newest = START + 100_000 - 20
    fine, coarse = history.cut(0, 1), history.cut(0, 10)
    assert (fine.times[0], coarse.times[0]) == (newest - 900, newest - 86_400)
    for cut, span in ((fine, 900), (coarse, 86_400)):
        assert list(cut.times) == list(range(newest - span, newest + 1, 20))
        assert {len(column) for of in cut.columns.values() for column in of} == {len(cut.times)}


def test_what_is_too_old_takes_no_room() -> None:
    table = Table(span=100.0, most=10)
    sizes = []
    for second in range(1000):
        table.add(second, {"a": [1.0]})
        sizes.append(len(table.times))
    assert max(sizes) <= 107
    assert len(table.series["a"].columns[0]) == len(table.times)
    table.add(5000, {"b": [1.0]})
    assert list(table.series) == ["b"], "nobody has seen it for so long"


def test_the_finest_that_reaches_back_so_far() -> None:
    young, old = filled(600), filled(5000, step=5)
    assert young.cut(0).step_seconds == 1, "there is no more to be had"
    assert young.cut(0, 10).step_seconds == 10
    assert old.cut(START + 4500).step_seconds == 1
    assert old.cut(START + 1000).step_seconds == 10
    assert old.cut(0).times[0] == START
    assert old.cut(START + 1000, 1).times[0] >= START + 4000, "as far as seconds go"


def test_a_server_that_comes_late_goes_and_comes_back() -> None:
    history = History()
    for second in range(40):
        there = 10 <= second < 15 or second >= 20
        late = {"late": load(in_flight=second)} if there else {}
        history.add(sample(START + second, 1.0, a=load(), **late))
    column = answer(history.cut(START + 5), 0).servers["late"]["in_flight"]
    away = (None,) * 5
    assert column == points(*away, *range(10, 15), *away, *range(20, 40))
    folded = answer(history.cut(START, 10), 0).servers["late"]["in_flight"]
    assert folded == points(None, 14, 29, 39)
    assert "late" not in answer(history.cut(START, 1), 0).total


def test_one_that_was_gone_before_is_not_in_the_answer() -> None:
    history = History()
    history.add(sample(START, gone=load()))
    for second in range(1, 30):
        history.add(sample(START + second, a=load()))
    assert set(answer(history.cut(START), 0).servers) == {"a", "gone"}
    assert set(answer(history.cut(START + 1), 0).servers) == {"a"}


def test_names_made_up_without_end_take_no_room_without_end() -> None:
    history = History()
    for second in range(3 * MOST_SERIES):
        history.add(sample(START + second, 1.0, **{f"s{second}": load(), "stays": load()}))
    for step in (1, 10):
        cut = history.cut(0, step)
        assert len(cut.columns) <= MOST_SERIES
        assert "stays" in cut.columns
        assert f"s{3 * MOST_SERIES - 1}" in cut.columns


def test_nothing_is_made_up_for_the_time_when_nobody_sampled() -> None:
    history = filled(20)
    for second in range(500, 520):
        history.add(sample(START + second, a=load()))
    assert answer(history.cut(START, 1), 0).times == at(*range(20), *range(500, 520))
    assert answer(history.cut(START, 10), 0).times == at(0, 10, 500, 510)


@pytest.mark.parametrize(("step", "expected"), [(1, list(range(30))), (10, [9, 19, 29])])
def test_what_comes_while_it_is_copied_is_not_in_the_copy(step: int, expected: list[int]) -> None:
    history = History()
    for second in range(30):
        history.add(sample(START + second, a=load(in_flight=second), b=load()))
    _, times, pieces = history.pieces(START, step)
    found = {}
    for number, (name, columns) in enumerate(pieces):
        found[name] = columns
        history.add(sample(START + 30 + 5 * number, a=load(in_flight=99), c=load()))
    assert {"a", "b"} < set(found)
    assert "c" not in found
    assert {len(column) for of in found.values() for column in of} == {len(times)}
    assert list(found["a"][2]) == expected


@pytest.mark.parametrize("back", [0, 5, 15, 25, 300])
def test_a_clock_that_is_set_back_makes_no_disorder(back: int) -> None:
    history = filled(30)
    again = START + 30 - back
    for second in range(20):
        history.add(sample(again + second, a=load(in_flight=42)))
    for step in (1, 10):
        times = list(history.cut(0, step).times)
        assert times == sorted(set(times))
    got = answer(history.cut(0, 1), 0)
    assert got.times[-20:] == tuple(range(again, again + 20))
    assert got.servers["a"]["in_flight"][-20:] == (42,) * 20
    assert got.times[0] == min(START, again)


def test_sizes_keep_seven_digits() -> None:
    history = History()
    exact = 123_456_789_012
    history.add(sample(START, a=load(memory_bytes=exact, tokens_per_second=41.27)))
    one = answer(history.cut(START), 0).servers["a"]
    (size,) = one["memory_bytes"]
    assert size is not None
    assert math.isclose(size, exact, rel_tol=1e-7)
    assert one["tokens_per_second"] == (41.27,), "and no digits that nobody measured"
