"""The log of requests with processes that are killed, and several that write at once."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.schema import RequestsQuery
from mlx_manager_jupyter.services.requests import RequestLog
from tests.services import request_writer

if TYPE_CHECKING:
    from typing import IO

ROOT = Path(__file__).parents[2]


def numbers(folder: Path) -> list[int]:
    """Of all rows, as somebody else reads them."""
    rows = RequestLog(folder).records(RequestsQuery(limit=1_000_000))
    return [int(row.id, 16) for some in rows for row in some]


def start(folder: Path, begin: int) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", request_writer.__name__, str(folder), str(begin)]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def last_of(output: IO[str]) -> int:
    """What it said last that it had written; a line that was cut off says nothing."""
    said = [line for line in output.read().splitlines(keepends=True) if line.endswith("\n")]
    return int(said[-1])


def test_killed_at_any_moment_it_has_what_was_written(tmp_path: Path) -> None:
    dice = random.Random()
    begin = 0
    for _ in range(6):
        with start(tmp_path, begin) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(dice.random() * 0.3)  # any moment will do: none is waited for
            process.kill()
            written = last_of(process.stdout)
        found = numbers(tmp_path)
        assert found == list(range(len(found))), "none is missing, none is there twice"
        assert found[-1] >= written
        begin = len(found)
    assert len(list(tmp_path.glob("*.lines"))) <= 1
    assert not list(tmp_path.glob("*.damaged"))


def test_two_at_once_lose_and_mix_nothing(tmp_path: Path) -> None:
    ours, theirs = 0, 1_000_000
    with start(tmp_path, ours) as one, start(tmp_path, theirs) as other:
        assert one.stdout
        assert other.stdout
        one.stdout.readline()
        other.stdout.readline()
        for _ in range(10):
            seen = numbers(tmp_path)
            for begin in (ours, theirs):
                rows = [number for number in seen if begin <= number < begin + 1_000_000]
                assert rows == list(range(begin, begin + len(rows))), "while they write"
        one.kill()
        other.kill()
        written = last_of(one.stdout), last_of(other.stdout)
    found = numbers(tmp_path)
    for begin, end in zip((ours, theirs), written, strict=True):
        rows = [number for number in found if begin <= number < begin + 1_000_000]
        assert rows == list(range(begin, begin + len(rows)))
        assert rows[-1] >= end > begin
