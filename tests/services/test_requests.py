"""The log of requests: what is added is there, in order, within bounds, whatever happens."""

from __future__ import annotations

import random
import stat
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mlx_manager_jupyter.adapters.request_log import folder as log_folder
from mlx_manager_jupyter.adapters.request_log import pack, records
from mlx_manager_jupyter.schema import RequestColumns, RequestRecord, RequestsQuery
from mlx_manager_jupyter.services.requests import RequestLog
from tests.fixtures.requests import BEGIN, realistic, record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ALL = RequestsQuery(limit=1_000_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "requests"


def told(log: RequestLog, query: RequestsQuery = ALL) -> list[RequestRecord]:
    """What it answers, which is the same both ways."""
    rows = [row for some in log.records(query) for row in some]
    parts = [msgspec.msgpack.decode(part, type=RequestColumns) for part in log.columns(query)]
    by_columns = [row for part in parts for row in records(part)]
    assert sorted(by_columns, key=lambda row: (row.time, row.id)) == sorted(
        rows, key=lambda row: (row.time, row.id)
    )
    assert [row.time for row in rows] == sorted(row.time for row in rows)
    return rows


def numbers(rows: Iterable[RequestRecord]) -> list[int]:
    return [int(row.id, 16) for row in rows]


def fill(log: RequestLog, rows: Iterable[RequestRecord], at_once: int = 1) -> None:
    """Add rows, and have so many written together."""
    for place, row in enumerate(rows, 1):
        log.add(row)
        if place % at_once == 0:
            log.flush()
    log.flush()


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few rows take the way of many."""
    monkeypatch.setattr(log_folder, "SEGMENT_ROWS", 10)


@pytest.mark.usefixtures("small_segments")
def test_every_field_comes_back_as_it_was(folder: Path) -> None:
    log = RequestLog(folder)
    least = record(0, server=None)
    whole = next(realistic(1))
    odd = record(
        2,
        time=BEGIN + timedelta(days=1, microseconds=1),
        asked='Qwen "3"\n模型',
        error="unknown_model",
        status=404,
        prompt_tokens=0,
        completion_tokens=2**40,
        seconds=1e-9,
    )
    rows = [least, whole, odd]
    fill(log, rows)
    assert told(log) == sorted(rows, key=lambda row: row.time)
    fill(log, [record(number) for number in range(3, 10)])
    assert len(list(folder.glob("*.columns"))) == 1
    assert set(rows) <= set(told(log)), "as columns"


@pytest.mark.usefixtures("small_segments")
def test_a_query_finds_the_newest_that_it_means(folder: Path) -> None:
    """Beside the plain way to say it, over rows of two extensions that overlap and coincide."""
    dice = random.Random(7)
    logs = RequestLog(folder), RequestLog(folder)
    rows = [
        record(
            number,
            time=BEGIN + timedelta(seconds=number // 3 + dice.randrange(30)),
            server=dice.choice(["a", "b", None]),
        )
        for number in range(200)
    ]
    for each in rows:
        fill(dice.choice(logs), [each])
    assert len(list(folder.glob("*.columns"))) > 15
    moments = [None, BEGIN, BEGIN + timedelta(seconds=33), BEGIN + timedelta(days=1)]
    for since in moments:
        for server in (None, "a", "nobody"):
            for limit in (1, 7, 20, 60, 100, 199, 200, 1000):
                meant = [
                    row
                    for row in rows
                    if (server is None or row.server == server)
                    and (since is None or row.time >= since)
                ]
                newest = sorted(row.time for row in meant)[-limit:]
                found = told(logs[0], RequestsQuery(since=since, server=server, limit=limit))
                assert [row.time for row in found] == newest, (since, server, limit)
                assert set(found) <= set(meant)
                assert len(set(found)) == len(found)


def test_rows_are_written_without_anybody_asking(folder: Path, jp_asyncio_loop: Any) -> None:
    log, other = RequestLog(folder), RequestLog(folder)
    log.open()
    for number in range(2):
        log.add(record(number))
        deadline = time.monotonic() + 30
        while sum(map(len, other.records(ALL))) <= number:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    log.add(record(2))
    jp_asyncio_loop.run_until_complete(log.close())
    assert numbers(told(other)) == [0, 1, 2], "closing writes what waits"


@pytest.mark.parametrize("keep", [1, 80, 1000])
def test_the_oldest_are_removed(folder: Path, keep: int) -> None:
    log = RequestLog(folder, keep_rows=keep)
    fill(log, map(record, range(3 * keep)), at_once=max(1, keep // 40))
    kept = numbers(told(log))
    assert kept == list(range(3 * keep))[-len(kept) :], "none in between is missing"
    assert keep <= len(kept) <= keep + 2 * max(1, keep // 8)


def test_only_its_owner_may_read_it(folder: Path) -> None:
    log = RequestLog(folder, keep_rows=80)
    fill(log, map(record, range(25)))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert {each.suffix for each in files} == {".lines", ".columns"}
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


def test_nothing_is_made_for_nothing(folder: Path) -> None:
    log = RequestLog(folder)
    assert told(log) == []
    log.flush()
    assert not folder.exists()


@pytest.mark.usefixtures("small_segments")
def test_the_next_one_goes_on_where_the_last_one_was_killed(
    folder: Path, jp_asyncio_loop: Any
) -> None:
    log = RequestLog(folder)
    fill(log, map(record, range(4)))
    jp_asyncio_loop.run_until_complete(log.close())
    (lines,) = folder.iterdir()
    with lines.open("ab") as half:
        half.write(b'{"id":"half a row')
    again = RequestLog(folder)
    assert numbers(told(again)) == [0, 1, 2, 3]
    fill(again, map(record, range(4, 9)))
    assert numbers(told(again)) == list(range(9))
    assert [each.name for each in folder.iterdir()] == [lines.name]
    fill(again, [record(9)])
    (segment,) = folder.iterdir()
    assert segment.name.endswith(f"-10-{lines.stem}.columns")


@pytest.mark.usefixtures("small_segments")
def test_killed_between_a_segment_and_the_end_of_its_lines(folder: Path) -> None:
    log = RequestLog(folder)
    fill(log, map(record, range(9)))
    (lines,) = folder.iterdir()
    written = lines.read_bytes()
    fill(log, [record(9)])
    lines.write_bytes(written)
    again = RequestLog(folder)
    assert numbers(told(again)) == list(range(10)), "none is there twice"
    fill(again, [record(10)])
    assert numbers(told(again)) == list(range(11))
    assert not lines.exists()


@pytest.mark.usefixtures("small_segments")
def test_damage_costs_only_what_is_damaged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = RequestLog(folder)
    fill(log, map(record, range(25)))
    (lines,) = folder.glob("*.lines")
    text = lines.read_bytes().split(b"\n")
    text[1] = text[1][:-3] + b"\xff\xff\xff"
    text[3] = b""
    lines.write_bytes(b"\n".join(text))
    first, second = sorted(folder.glob("*.columns"))
    damaged = bytearray(second.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    second.write_bytes(damaged)
    (folder / "notes.columns").write_bytes(b"no segment at all")
    assert numbers(told(log)) == [*range(10), 20, 22, 24]
    assert "10 requests of the log can't be read" in caplog.text
    assert second.with_name(f"{second.name}.damaged").read_bytes() == damaged
    first.write_bytes(b"")
    assert numbers(told(log, RequestsQuery(limit=15))) == [20, 22, 24]


def test_whoever_deletes_it_has_an_empty_one(folder: Path) -> None:
    log = RequestLog(folder)
    fill(log, [record(0)])
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()
    assert told(log) == []
    fill(log, [record(1)])
    assert numbers(told(log)) == [1]


def test_what_can_not_be_written_waits(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.parent.mkdir()
    folder.write_text("in the way")
    log = RequestLog(folder)
    for number in range(5):
        fill(log, [record(number)])
    assert caplog.text.count("The log of requests can't be written") == 1
    folder.unlink()
    log.flush()
    assert numbers(told(log)) == [0, 1, 2, 3, 4]


@pytest.mark.usefixtures("small_segments")
def test_nonsense_of_an_engine_harms_no_other_row(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = RequestLog(folder)
    fill(
        log,
        [
            record(0),
            record(1, prompt_tokens=2**70),
            record(2, prompt_tokens=-5),
            record(3, finish=object()),
            record(4, finish=["stop"]),
            record(5, completion_tokens="many"),
            record(6),
        ],
        at_once=100,
    )
    assert {0, 2, 6} <= set(numbers(told(log)))
    assert "can't be written down" in caplog.text
    fill(log, map(record, range(7, 17)))
    kept = {int(row.id, 16): row for row in told(log)}
    assert {0, 2, *range(6, 17)} <= kept.keys()
    assert kept[2].prompt_tokens is None


def test_a_name_without_end_is_shortened(folder: Path) -> None:
    log = RequestLog(folder)
    fill(log, [record(0, asked="x" * 1_000_000), record(1, asked="y" * 300)])
    long, usual = told(log)
    assert (long.asked, usual.asked) == ("x" * 200, "y" * 300)
    assert sum(each.stat().st_size for each in folder.iterdir()) < 10_000


def test_columns_of_another_version_are_read() -> None:
    columns = pack([record(0, finish="stop"), record(1)])
    words = {k: v for k, v in columns.words.items() if k not in ("finish", "lane")}
    later = {"mood": words["asked"]}
    other = msgspec.structs.replace(columns, words=words | later)
    assert list(records(other)) == [record(0), record(1)]


def test_a_time_without_a_zone_is_one_of_utc(folder: Path) -> None:
    log = RequestLog(folder)
    fill(log, map(record, range(3)))
    since = datetime(2026, 1, 31, 14, 0, 1)  # noqa: DTZ001  that is meant
    assert numbers(told(log, RequestsQuery(since=since))) == [1, 2]
    assert numbers(told(log, RequestsQuery(since=since.replace(tzinfo=UTC)))) == [1, 2]
