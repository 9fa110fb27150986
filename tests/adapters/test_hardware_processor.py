"""How busy processes are: real ones, one that works and one that waits."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.hardware import Processor

if TYPE_CHECKING:
    from collections.abc import Iterator

WORK = "print(flush=True)\nwhile True: pass"
WAIT = "print(flush=True); input()"


@pytest.fixture
def groups() -> Iterator[dict[str, list[int]]]:
    """Two that work, and one that waits."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for program in (WORK, WORK, WAIT)
    ]
    for child in children:
        assert child.stdout
        child.stdout.readline()  # from here on it does what it is for
    busy, busy_too, idle = (child.pid for child in children)
    yield {"busy": [busy, busy_too], "idle": [idle], "none": []}
    for child in children:
        child.kill()
        child.communicate()


def spent(processor: Processor, groups: dict[str, list[int]]) -> dict[str, float | None]:
    """Look until those that work were seen to: others may have the cores for a while."""
    deadline = time.monotonic() + 60
    while not (shares := processor.groups(groups))["busy"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return shares


def test_who_works_is_told_from_who_waits(groups: dict[str, list[int]]) -> None:
    processor = Processor()
    assert processor.groups(groups) == {"busy": None, "idle": None, "none": None}
    shares = spent(processor, groups)
    assert shares["idle"] is not None
    assert (shares["busy"] or 0) > shares["idle"]
    assert shares["none"] is None


def test_a_share_is_seconds_of_work_by_seconds(groups: dict[str, list[int]]) -> None:
    moments = iter([0.0, 10.0])
    processor = Processor(lambda: next(moments))
    began = time.monotonic()
    processor.groups(groups)
    time.sleep(0.2)
    share = processor.groups(groups)["busy"]
    assert share is not None
    two_cores = 200 * (time.monotonic() - began + 0.1) / 10.0  # work is told in ticks of 10 ms
    assert 0 <= share <= two_cores


def test_who_comes_has_done_nothing_and_who_goes_takes_nothing_along(
    groups: dict[str, list[int]],
) -> None:
    processor = Processor()
    ours = {"busy": [*groups["busy"], os.getpid()], "idle": groups["idle"]}
    processor.groups(groups)
    assert (spent(processor, ours)["busy"] or 0) > 0
    os.kill(groups["busy"][0], 9)
    os.waitpid(groups["busy"][0], 0)
    share = processor.groups(ours)["busy"]
    assert share is not None
    assert share >= 0
    assert processor.groups({"busy": [groups["busy"][0]]}) == {"busy": None}, "it is gone"


def test_the_whole_machine_is_busy_while_somebody_works(groups: dict[str, list[int]]) -> None:
    assert groups["busy"]
    processor = Processor()
    assert processor.system() is None
    deadline = time.monotonic() + 60
    while not (share := processor.system()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert 0 < share <= 100
