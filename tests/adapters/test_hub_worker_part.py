"""The map of a part, the limit, and what patience does, each by itself."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.hub.refusals import unreachable
from mlx_manager_jupyter.adapters.hub.worker.folder import JobSpec
from mlx_manager_jupyter.adapters.hub.worker.part import Part, allocated, drop
from mlx_manager_jupyter.adapters.hub.worker.patience import LONGEST_PAUSE, Patience
from mlx_manager_jupyter.adapters.hub.worker.throttle import Throttle
from mlx_manager_jupyter.errors import GatedModel, HubUnreachable

if TYPE_CHECKING:
    from pathlib import Path


def part_in(folder: Path, *, name: str = "job", size: int = 250, segment: int = 100) -> Part:
    return Part(folder / "part", folder / f"{name}.map", size=size, segment_bytes=segment)


def test_a_part_knows_what_it_has(tmp_path: Path) -> None:
    part = part_in(tmp_path)
    assert part.missing() == [0, 1, 2]
    part.write(1, 100, b"b" * 100)
    part.write(0, 0, b"a" * 40)
    assert (part.done, part.contiguous(), part.missing()) == (140, 40, [0, 2])
    part.write(0, 40, b"a" * 60)
    assert part.contiguous(40) == 200
    assert (part.segment(2).start, part.segment(2).end) == (200, 250)
    part.close()
    again = part_in(tmp_path, segment=7)  # a part keeps the segments that it began with
    assert (again.done, again.contiguous(), again.missing()) == (200, 200, [2])
    again.write(2, 200, b"c" * 50)
    again.finish(tmp_path / "done")
    again.close()
    assert (tmp_path / "done").read_bytes() == b"a" * 100 + b"b" * 100 + b"c" * 50
    assert [path.name for path in tmp_path.iterdir()] == ["done"]


@pytest.mark.parametrize("damage", ["cut", "other-size", "gone", "emptied", "version"])
def test_a_map_that_does_not_fit_is_not_believed(tmp_path: Path, damage: str) -> None:
    part = part_in(tmp_path)
    part.write(0, 0, b"a" * 100)
    part.close()
    file = tmp_path / "job.map"
    match damage:
        case "cut":
            file.write_bytes(file.read_bytes()[:-1])
        case "emptied":
            file.write_bytes(b"")
        case "version":
            file.write_bytes(b"\xff" + file.read_bytes()[1:])
        case "gone":
            (tmp_path / "part").unlink()
    again = part_in(tmp_path, size=240 if damage == "other-size" else 250)
    assert again.done == 0
    again.close()


def test_a_part_that_another_job_began_anew_is_not_believed(tmp_path: Path) -> None:
    part = part_in(tmp_path)
    part.write(0, 0, b"a" * 100)
    part.close()
    other = part_in(tmp_path, name="other")
    other.write(0, 0, b"z")
    drop(tmp_path / "job.map", tmp_path / "part")
    assert (tmp_path / "part").exists()
    assert not (tmp_path / "job.map").exists()
    other.close()
    drop(tmp_path / "other.map", tmp_path / "part")
    assert not (tmp_path / "part").exists()


def test_a_part_takes_no_room_before_it_has_bytes(tmp_path: Path) -> None:
    part = part_in(tmp_path, size=1 << 40, segment=1 << 30)
    assert allocated(tmp_path / "part") == 0
    part.write(500, 500 << 30, b"x" * 4096)
    assert 0 < allocated(tmp_path / "part") < 1 << 20
    part.close()
    assert allocated(tmp_path / "none") == 0


def test_nothing_is_missing_of_an_empty_file(tmp_path: Path) -> None:
    part = part_in(tmp_path, size=0)
    assert (part.missing(), part.contiguous()) == ([], 0)
    part.finish(tmp_path / "done")
    part.close()
    assert (tmp_path / "done").read_bytes() == b""


def test_the_limit_is_shared_and_can_be_lifted() -> None:
    throttle, never = Throttle(), threading.Event()
    throttle.take(1 << 40, never)  # no limit, no wait
    throttle.set(1_000_000)
    began = time.monotonic()
    takers = [threading.Thread(target=throttle.take, args=(20_000, never)) for _ in range(15)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert 0.15 < time.monotonic() - began < 0.6  # 0.3 s, of which 0.1 s may come at once
    throttle.set(10)
    waiting = threading.Thread(target=throttle.take, args=(10_000, never))
    waiting.start()
    throttle.set(None)
    waiting.join(1)
    assert not waiting.is_alive()


def test_whoever_stops_waits_for_nothing() -> None:
    throttle, stopping = Throttle(), threading.Event()
    throttle.set(10)
    stopping.set()
    began = time.monotonic()
    throttle.take(10_000, stopping)
    assert time.monotonic() - began < 1


def test_a_low_limit_is_read_in_small_pieces() -> None:
    throttle = Throttle()
    large = (throttle.portion, throttle.buffer)
    throttle.set(200_000)
    assert (throttle.portion, throttle.buffer) == (10_000, 64 << 10)
    throttle.set(None)
    assert (throttle.portion, throttle.buffer) == large == (256 << 10, None)


def patience(pause: float = 0.001, tries: int = 3) -> Patience:
    spec = JobSpec(model="a/b", cache="/none", pause_seconds=pause, tries=tries)
    return Patience(spec, threading.Event())


def test_patience_ends_and_begins_anew_with_progress() -> None:
    one = patience()
    for _ in range(5):
        one.bear(unreachable("x"))
        one.bear(unreachable("x"))
        one.progressed()
    one.bear(TimeoutError())
    one.bear(ConnectionResetError())
    with pytest.raises(HubUnreachable):
        one.bear(unreachable("x"))


def test_patience_is_not_for_refusals() -> None:
    with pytest.raises(GatedModel):
        patience().bear(GatedModel("no"))


def test_pauses_grow_up_to_a_minute_and_the_hub_has_the_last_word() -> None:
    one = patience(pause=0.5, tries=99)
    pauses = []
    for failed in range(1, 15):
        one._failed = failed
        pauses.append(one._wait(unreachable("x")))
    assert all(0.35 < pause / (0.5 * 2**n) < 1.3 for n, pause in enumerate(pauses[:6]))
    assert max(pauses) == LONGEST_PAUSE
    assert one._wait(unreachable("x", 7.0)) == 7.0
    with pytest.raises(HubUnreachable) as caught:
        one.bear(unreachable("x", 61.0))
    assert caught.value.retry_after_seconds == 61.0
