"""Viewers of one log: each at its own position, whatever is moved aside under their eyes."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.process import LogReader
from mlx_manager_jupyter.adapters.process.run_log import RunLog, create_log, older

if TYPE_CHECKING:
    from pathlib import Path

ROTATE_BYTES = 4_000


@pytest.fixture
def log(tmp_path: Path) -> Path:
    create_log(tmp_path / "engine.log").close()
    return tmp_path / "engine.log"


def write(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def all_of(reader: LogReader) -> list[str]:
    lines: list[str] = []
    more = True
    while more:
        came, more = reader.read()
        lines += came
    return lines


def numbered(start: int, end: int) -> list[str]:
    return [f"line {number}" for number in range(start, end)]


def text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def test_each_viewer_reads_at_its_own_pace(log: Path) -> None:
    early, late = LogReader(log), LogReader(log)
    write(log, "one\ntwo\n")
    assert early.has_news()
    assert all_of(early) == ["one", "two"]
    assert not early.has_news()
    write(log, "three\nfo")
    assert all_of(early) == ["three"]
    assert all_of(late) == ["one", "two", "three"]
    write(log, "ur\nfive")
    assert all_of(early) == ["four"]
    assert early.rest() == ["five"]
    assert early.rest() == []


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(0, []), (1, ["line 8"]), (3, ["line 6", "line 7", "line 8"]), (99, numbered(0, 9))],
)
def test_the_last_lines_and_what_comes_after(log: Path, wanted: int, expected: list[str]) -> None:
    write(log, text(numbered(0, 9)))
    reader = LogReader(log, wanted)
    assert all_of(reader) == expected
    write(log, "new\n")
    assert all_of(reader) == ["new"]


def test_the_last_lines_reach_into_what_was_moved_aside(log: Path) -> None:
    older(log).write_text(text(numbered(0, 5)))
    write(log, text(numbered(5, 7)))
    assert all_of(LogReader(log, 4)) == numbered(3, 7)
    assert all_of(LogReader(log)) == numbered(0, 7)


def test_nothing_is_lost_or_told_twice_when_the_log_is_moved_aside(log: Path) -> None:
    chance = random.Random(4)
    keeper = RunLog(log, lambda _line: False, rotate_bytes=ROTATE_BYTES)
    readers = {every: LogReader(log) for every in (1, 2, 3)}
    got: dict[int, list[str]] = {every: [] for every in readers}
    written = 0
    for turn in range(300):
        more = chance.randrange(1, 30)
        write(log, text(numbered(written, written + more)))
        written += more
        for every, reader in readers.items():
            if turn % every == 0:
                got[every] += all_of(reader)
        keeper.read_all()
    assert older(log).exists()
    for every, reader in readers.items():
        assert got[every] + all_of(reader) == numbered(0, written), every


def test_two_extensions_moving_one_log_aside_lose_nothing(log: Path) -> None:
    keepers = [RunLog(log, lambda _line: False, rotate_bytes=ROTATE_BYTES) for _ in range(2)]
    reader = LogReader(log)
    got: list[str] = []
    written = 0
    for _ in range(60):
        write(log, text(numbered(written, written + 40)))
        written += 40
        got += all_of(reader)
        threads = [threading.Thread(target=keeper.read_all) for keeper in keepers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert got + all_of(reader) == numbered(0, written)
    assert sorted(path.name for path in log.parent.iterdir()) == ["engine.log", "engine.log.1"]


def test_a_log_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    reader = LogReader(tmp_path / "nowhere.log")
    assert not reader.has_news()
    assert all_of(reader) == []
    write(tmp_path / "nowhere.log", "there\n")
    assert all_of(reader) == ["there"]
