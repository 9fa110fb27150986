"""The DataFrame of requests says what the records say, with types that pandas computes with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pandas as pd
import pytest

from mlx_manager_jupyter.adapters.request_log import pack
from mlx_manager_jupyter.errors import InvalidValue
from mlx_manager_jupyter.notebook.moments import moment
from mlx_manager_jupyter.notebook.request_frame import frame
from mlx_manager_jupyter.notebook.request_rows import request_columns
from mlx_manager_jupyter.notebook.requests import asked
from mlx_manager_jupyter.notebook.table import plain
from mlx_manager_jupyter.schema import COLUMN_KINDS, RequestRecord, RequestsQuery
from tests.fixtures.requests import BEGIN, realistic, record

if TYPE_CHECKING:
    from collections.abc import Sequence


def rows_of(made: pd.DataFrame) -> list[dict[str, object]]:
    """With None for whatever pandas says it in place of it."""
    rows = made.astype(object).where(made.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def as_rows(records: Sequence[RequestRecord]) -> list[dict[str, object]]:
    return [msgspec.structs.asdict(each) for each in records]


def test_it_says_what_the_records_say() -> None:
    rows = [
        *realistic(400),
        record(1_000, server=None, error="unknown_model", status=404),
        record(1_001, completion_tokens=2**40, asked="模型"),
    ]
    made = frame([pack(rows[:150]), pack(rows[150:])])
    assert list(made.columns) == list(RequestRecord.__struct_fields__)
    assert rows_of(made) == as_rows(sorted(rows, key=lambda row: row.time))


def test_parts_that_overlap_are_put_in_order() -> None:
    rows = [record(number, server=f"s{number % 2}") for number in range(20)]
    made = frame([pack(rows[1::2]), pack(rows[::2])])
    assert rows_of(made) == as_rows(rows)


@pytest.mark.parametrize("count", [0, 1, 300])
def test_the_types_are_the_same_whatever_is_in_it(count: int) -> None:
    made = frame([pack(realistic(count))] if count else [])
    assert len(made) == count
    assert str(made["time"].dtype) == "datetime64[ns, UTC]"
    for name, kind in COLUMN_KINDS.items():
        told = {
            "time": "datetime64[ns, UTC]",
            "fraction": "float64",
            "flag": "bool",
            "whole": "int64" if name == "status" else "Int64",
            "words": "category",
        }[kind]
        if name != "id":
            assert str(made[name].dtype) == told, name


def test_pandas_computes_with_it() -> None:
    rows = [
        record(n, server="ab"[n % 2], completion_tokens=None if n == 3 else n) for n in range(8)
    ]
    made = frame([pack(rows)])
    assert made.groupby("server", observed=True)["completion_tokens"].sum().to_dict() == {
        "a": 12,
        "b": 13,
    }
    by_minute = made.set_index("time").resample("4s")["id"].count()
    assert by_minute.tolist() == [4, 4]
    assert (made["time"] >= pd.Timestamp(BEGIN) + pd.Timedelta(seconds=5)).sum() == 3


def test_columns_of_another_version_do_no_harm() -> None:
    old = pack([record(0, finish="stop"), record(1)])
    numbers = {name: each for name, each in old.numbers.items() if name != "cached_tokens"}
    words = {name: each for name, each in old.words.items() if name != "finish"}
    other = msgspec.structs.replace(
        old, numbers=numbers | {"joules": old.numbers["seconds"]}, words=words
    )
    rows = [record(2, finish="stop", cached_tokens=3)]
    made = frame([other, pack(rows)])
    assert rows_of(made) == as_rows([record(0), record(1), *rows])


@pytest.mark.parametrize(
    ("given", "seconds_ago"), [("1h", 3600), (" 20m", 1200), (timedelta(minutes=1), 60)]
)
def test_a_moment_may_be_so_long_ago(given: str | timedelta, seconds_ago: float) -> None:
    now = datetime.now(UTC)
    found = moment(given)
    assert now <= found + timedelta(seconds=seconds_ago) <= datetime.now(UTC)


@pytest.mark.parametrize(
    "given", ["2026-01-31T14:00:00Z", "2026-01-31 15:00+01:00", pd.Timestamp(BEGIN), BEGIN]
)
def test_a_moment_may_be_a_time(given: str | datetime) -> None:
    assert moment(given) == BEGIN


def test_a_moment_without_a_zone_is_local() -> None:
    assert moment("2026-01-31 14:00") == datetime(2026, 1, 31, 14).astimezone()
    assert moment("2026-01-31").tzinfo is UTC


@pytest.mark.parametrize("given", ["yesterday", "", "1x", "0s", "9" * 30 + "d"])
def test_no_moment_is_refused_in_words(given: str) -> None:
    with pytest.raises(InvalidValue, match=r"since: .* is no time: write how long ago, as 20m"):
        asked(given, None, None)


def test_a_query_of_python() -> None:
    assert asked(None, "a", 5) == RequestsQuery(server="a", limit=5)
    assert asked(BEGIN, None, None).since == BEGIN
    with pytest.raises(InvalidValue, match="limit is 0"):
        asked(None, None, 0)


def test_a_table_says_what_there_is_to_say() -> None:
    now = datetime.now(UTC)
    first = record(
        time=now, prompt_tokens=1234, completion_tokens=56, tokens_per_second=41.2,
        first_token_seconds=0.21, seconds=1.5, load_seconds=3.0, notebook="a.ipynb", finish="stop",
    )  # fmt: skip
    unknown = record(1, asked="tny", server=None, status=404, error="unknown_model", caller="me")
    embedded = record(2, time=now, endpoint="embeddings")
    head, *lines = plain(request_columns([first, unknown, embedded]), 200).splitlines()
    assert head.split() == [
        *("model", "time", "result", "in", "out", "speed", "first", "waited", "took", "by"),
        *("asked", "for"),
    ]
    local = now.astimezone()
    assert lines[0].split() == [
        *("tiny", f"{local:%H:%M:%S}", "stop", "1,234", "56", "41", "tok/s", "0.21", "s"),
        *("3.0", "s", "1.5", "s", "a.ipynb"),
    ]
    assert "404 unknown_model" in lines[1]
    assert lines[1].startswith("tny")
    assert f"{unknown.time.astimezone():%Y-%m-%d %H:%M:%S}" in lines[1]
    assert "done" in lines[2]
    assert lines[2].endswith("embeddings")
