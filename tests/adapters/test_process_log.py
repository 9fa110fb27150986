"""The run's log: floods, long lines, odd bytes, rotation."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import psutil

from mlx_manager_jupyter.adapters.process.run_log import (
    LINE_BYTES,
    READ_BYTES,
    RING_LINES,
    RunLog,
    create_log,
)
from tests.fixtures.processes import Rig, until

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 1_000_000


def log_of(tmp_path: Path, content: bytes, **options: int) -> RunLog:
    with create_log(tmp_path / "engine.log") as file:
        file.write(content)
    return RunLog(tmp_path / "engine.log", lambda line: "fatal" in line, **options)


async def test_flood_neither_blocks_the_loop_nor_grows_memory(tmp_path: Path) -> None:
    async with Rig(tmp_path, log_flood=50_000, log_flood_seconds=2) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        before = largest = psutil.Process().memory_info().rss
        lags = []
        while not rig.events("flooded"):
            asked = time.monotonic()
            await asyncio.sleep(0.005)
            lags.append(time.monotonic() - asked - 0.005)
            largest = max(largest, psutil.Process().memory_info().rss)
        lines = rig.events("flooded")[0]["lines"]
        await until(lambda: process.tail(1)[0].startswith(f"flood {lines - 1:08d}"))
        grown = (largest - before) / MEGABYTE
        lags.sort()
        print(
            f"{lines} lines: loop lag {lags[len(lags) // 2] * 1000:.1f} ms,"
            f" at most {lags[-1] * 1000:.0f} ms, memory +{grown:.1f} MB"
        )
        assert lines > 50_000
        assert lags[len(lags) * 99 // 100] < 0.1  # a busy machine may take one turn from us
        assert grown < 20
        numbers = [int(line.split()[1]) for line in process.tail(10 * RING_LINES)]
        assert numbers == list(range(lines - RING_LINES, lines))
        await process.stop()


def test_tail_reads_as_a_terminal_shows_it(tmp_path: Path) -> None:
    log = log_of(
        tmp_path,
        b"plain\n"
        b"\x1b[1;32mgreen\x1b[0m \x1b]0;title\x07done\r\n"
        b"  0%|  \r 50%|# \r100%|##\n"
        b"caf\xc3\xa9 \xff\n"
        b"not ended",
    )
    log.read_all()
    shown = ["plain", "green done", "100%|##", "café \ufffd", "not ended"]
    assert log.tail(50) == shown
    assert log.tail(2) == shown[-2:]
    assert log.tail(0) == []


def test_long_lines_are_cut_and_cost_nothing(tmp_path: Path) -> None:
    log = log_of(tmp_path, b"x" * 3 * READ_BYTES + b"\nnext\n")
    log.read_all()
    assert [len(line) for line in log.tail(50)] == [LINE_BYTES, 4]


def test_read_is_bounded(tmp_path: Path) -> None:
    log = log_of(tmp_path, b"line\n" * READ_BYTES)
    assert log.read()
    assert len(log.tail(10 * RING_LINES)) == RING_LINES + 1  # and half a line


def test_first_fatal_line_is_kept_until_it_is_forgiven(tmp_path: Path) -> None:
    log = log_of(tmp_path, b"well\n\x1b[31mfatal one\x1b[0m\nfatal two\n")
    log.read()
    assert log.fatal_line == "fatal one"
    forgiving = log_of(tmp_path, b"")
    forgiving.forgive()
    forgiving.read_all()
    assert forgiving.fatal_line is None


def test_rotation_keeps_the_older_lines_aside_and_loses_none_to_the_ring(tmp_path: Path) -> None:
    lines = [f"line {number:06d}" for number in range(MEGABYTE // 12)]
    content = "".join(f"{line}\n" for line in lines).encode()
    log = log_of(tmp_path, content, rotate_bytes=2 * READ_BYTES)
    aside = tmp_path / "engine.log.1"
    with log.path.open("ab") as engine:  # it holds the file open, for appending, as engines do
        while log.read():
            pass
        assert aside.read_bytes() == content
        assert aside.stat().st_mode & 0o777 == 0o600
        assert log.path.stat().st_size == 0
        assert log.tail(RING_LINES) == lines[-RING_LINES:]
        engine.write(b"after\n")
        engine.flush()
        log.read()
        assert log.path.read_bytes() == b"after\n"
        assert log.tail(2) == [lines[-1], "after"]


def test_file_that_was_deleted_or_truncated_by_others(tmp_path: Path) -> None:
    log = log_of(tmp_path, b"one\ntwo\n")
    log.read()
    log.path.write_bytes(b"new\n")
    log.read()
    assert log.tail(50) == ["one", "two", "new"]
    log.path.unlink()
    assert not log.read()
    log.read_all()
    assert log.tail(1) == ["new"]


def test_log_that_somebody_else_began_is_followed_from_its_end(tmp_path: Path) -> None:
    log = log_of(tmp_path, b"old\n" * READ_BYTES + b"new\n")
    log.skip_to_tail()
    assert not log.read()
    assert log.tail(2) == ["old", "new"]
