"""What tables say of metrics, and what the frame is made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from mlx_manager_jupyter.notebook.metrics_frame import MEASURES, SYSTEM, frame
from mlx_manager_jupyter.notebook.metrics_rows import machine, now_columns, past_columns
from mlx_manager_jupyter.notebook.table import Column, plain
from mlx_manager_jupyter.schema import Memory, Metrics, MetricsHistory, ServerLoad

GIB = 2**30
BUSY = ServerLoad(
    memory_bytes=8 * GIB,
    cpu_percent=97.4,
    in_flight=3,
    queued=1,
    tokens_per_second=41.6,
    first_token_p50=0.213,
    first_token_p95=1.9,
    requests=1234,
    errors=2,
    tokens=56_789,
)
START = 1_800_000_000


def sample(**servers: ServerLoad) -> Metrics:
    return Metrics(
        time=datetime.now(UTC),
        memory=Memory(total_bytes=64 * GIB, used_bytes=52 * GIB, available_bytes=12 * GIB),
        cpu_percent=23.4,
        servers=servers,
        total=ServerLoad(requests=2000, memory_bytes=9 * GIB),
    )


def history(times: int, **servers: dict[str, tuple[float | None, ...]]) -> MetricsHistory:
    def whole(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, tuple[float | None, ...]]:
        return {name: given.get(name, (0.0,) * times) for name in names}

    return MetricsHistory(
        step_seconds=1.0,
        times=tuple(START + number + 0.125 for number in range(times)),
        total_bytes=64 * GIB,
        system=whole({"used_bytes": tuple(float(each) for each in range(times))}, SYSTEM),
        total=whole({"in_flight": (5.0,) * times}, MEASURES),
        servers={name: whole(given, MEASURES) for name, given in servers.items()},
    )


def cells(columns: list[Column], row: int) -> dict[str, str]:
    return {column.title: column.cells[row] for column in columns}


def test_a_row_says_what_a_server_does() -> None:
    columns = now_columns(sample(b=BUSY, a=ServerLoad()))
    assert columns[0].cells == ["a", "b", "total"]
    assert cells(columns, 1) == {
        "server": "b",
        "memory": "8.0 GB",
        "CPU": "97%",
        "tokens/s": "42",
        "in flight": "3",
        "queued": "1",
        "first token": "0.21 s",
        "95% within": "1.9 s",
        "requests": "1,234",
        "errors": "2",
        "tokens": "56,789",
    }
    idle = cells(columns, 0)
    assert (idle["memory"], idle["CPU"], idle["first token"]) == ("", "", ""), "not known"
    assert (idle["tokens/s"], idle["in flight"]) == ("0", "0")
    assert cells(columns, 2)["requests"] == "2,000", "those that are gone were asked, too"
    assert now_columns(sample(b=BUSY))[0].cells == ["b"], "one is all"


def test_in_a_narrow_terminal_what_matters_is_left() -> None:
    for width in (40, 60, 80, 120):
        lines = plain(now_columns(sample(b=BUSY, a=BUSY)), width).splitlines()
        assert max(map(len, lines)) <= width
        assert "memory" in lines[0]
        assert "tokens/s" in lines[0]


def test_a_line_on_the_machine() -> None:
    assert machine(sample()) == "12.0 GB free of 64.0 GB, 23% of the processor is busy"
    unknown = Metrics(time=datetime.now(UTC), memory=sample().memory)
    assert machine(unknown) == "12.0 GB free of 64.0 GB"


def test_some_time_is_told_by_its_peaks_and_means() -> None:
    a: dict[str, tuple[float | None, ...]] = {
        "memory_bytes": (None, 1.0 * GIB, 3.0 * GIB, 2.0 * GIB),
        "tokens_per_second": (None, 10.0, 40.0, 10.0),
        "cpu_percent": (None,) * 4,
        "in_flight": (None, 1.0, 4.0, 0.0),
    }
    columns = past_columns(history(4, a=a))
    assert cells(columns, 0) == {
        "server": "a",
        "memory, most": "3.0 GB",
        "CPU, mean": "",
        "tokens/s, mean": "20",
        "most": "40",
        "in flight, most": "4",
        "queued, most": "0",
    }
    assert past_columns(history(4, a=a, b={}))[0].cells == ["a", "b", "total"]


def test_the_frame_is_tidy() -> None:
    there: dict[str, tuple[float | None, ...]] = {
        name: (None, 1.0, 2.0, None) if name != "first_token_p50" else (None,) * 4
        for name in MEASURES
    }
    got = frame(history(4, late=there, a={}))
    assert list(got.columns) == ["server", *MEASURES, *(f"system_{name}" for name in SYSTEM)]
    assert got.index.name == "time"
    assert got.index.is_monotonic_increasing
    assert got.index[0] == pd.Timestamp(START + 0.125, unit="s", tz="UTC")
    assert got["server"].value_counts().to_dict() == {"a": 4, "total": 4, "late": 2}
    assert str(got["server"].dtype) == "category"
    late = got[got["server"] == "late"]
    assert list(late["memory_bytes"]) == [1.0, 2.0], "it has no rows where it was not there"
    assert late["first_token_p50"].isna().all()
    assert list(late["system_used_bytes"]) == [1.0, 2.0]
    assert list(got[got["server"] == "total"]["in_flight"]) == [5.0] * 4
    assert got.attrs == {"total_bytes": 64 * GIB, "step_seconds": 1.0}


def test_one_call_makes_a_line_for_each_server() -> None:
    got = frame(history(3, a={}, b={}))
    wide = got.pivot(columns="server", values="tokens_per_second")  # noqa: PD010  as the docstring has it
    assert list(wide.columns) == ["a", "b", "total"]
    assert wide.shape == (3, 3)


@pytest.mark.parametrize("empty", [history(0), history(0, a={})])
def test_a_frame_of_nothing_has_the_same_columns(empty: MetricsHistory) -> None:
    got = frame(empty)
    assert len(got) == 0
    assert list(got.columns) == list(frame(history(1)).columns)
    assert list(map(str, got.dtypes)) == list(map(str, frame(history(1)).dtypes))
    assert str(got.index.dtype) == str(frame(history(1)).index.dtype)
    never = MetricsHistory(step_seconds=1.0, times=(), total_bytes=1)
    assert list(frame(never).columns) == list(got.columns)
