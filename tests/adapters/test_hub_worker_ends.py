"""Killed, paused, adopted, doubled: what was fetched stays fetched."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec
import psutil
import pytest

from mlx_manager_jupyter.adapters.hub.worker.job import Job, JobSpec
from mlx_manager_jupyter.schema import Identity
from tests.fixtures.hub import MEMBER, FakeHub
from tests.fixtures.jobs import MODEL, SEGMENT, SHARDS, Download, make_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("source") / "tiny")


@pytest.fixture(scope="module")
def shared_hub(source: Path) -> Iterator[FakeHub]:
    with FakeHub(repos={MODEL: source}) as hub:
        yield hub


@pytest.fixture
def hub(shared_hub: FakeHub, source: Path) -> FakeHub:
    shared_hub.clear()
    shared_hub.forget(MODEL)
    shared_hub.add(MODEL, source)
    shared_hub.reset()
    return shared_hub


@pytest.fixture
def download(tmp_path: Path, hub: FakeHub, source: Path) -> Iterator[Download]:
    made = Download(tmp_path, hub, source)
    yield made
    made.kill()


#: Where the worker waits for us to kill it, and the bytes of weights that it has by then.
MOMENTS: dict[str, tuple[dict[str, Any], int]] = {
    "planning": ({"kind": "hang", "path": f"/api/models/{MODEL}", "origin": "hub"}, 0),
    "tree": ({"kind": "hang", "path": "/tree/", "origin": "hub"}, 0),
    "small-files": ({"kind": "hang", "path": "/README.md", "origin": "hub"}, 0),
    "address": ({"kind": "hang", "path": SHARDS[0], "method": "HEAD"}, 0),
    "first-byte": ({"kind": "stall", "path": SHARDS[0], "origin": "cdn", "at": 0}, 0),
    "mid-segment": (
        {"kind": "stall", "path": SHARDS[0], "origin": "cdn", "at": 100_000},
        200_000,
    ),
    "last-byte": (
        {"kind": "stall", "path": SHARDS[0], "origin": "cdn", "at": SEGMENT - 1},
        2 * (SEGMENT - 1),
    ),
    "later-file": (
        {"kind": "stall", "path": SHARDS[1], "origin": "cdn", "at": 50_000},
        600_079 + 100_000,
    ),
    "seal": ({"kind": "hang", "path": "/config.json", "origin": "hub"}, 1_200_158),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_nothing_is_fetched_twice(download: Download, hub: FakeHub, moment: str, end: str) -> None:
    fault, bytes_there = MOMENTS[moment]
    download.spec = _with(download, timeout_seconds=30.0)  # it waits for us, not for the Hub
    hub.fault(**fault)
    download.start()
    small = 0 if moment in ("planning", "tree", "small-files") else _small(download)
    hub.until(lambda hub: hub.faults()[0]["hits"] >= (2 if bytes_there == 200_000 else 1))
    download.until(lambda: download.state().bytes_done == bytes_there + small)
    began = time.monotonic()
    if end == "killed":
        download.kill()
    else:
        download.job.stop()
    assert time.monotonic() - began < 1
    assert not download.job.is_running()
    assert not download.is_served()
    assert sum(each["sent"] for each in hub.log(origin="cdn")) == bytes_there
    hub.clear()
    assert download.run().stage == "done", download.log
    assert download.is_served()
    # To the byte: "less than one percent" leaves room for what is under way at any other moment.
    assert download.fetched() == download.weight_bytes
    assert not download.parts()


def test_killed_again_and_again(tmp_path: Path, hub: FakeHub) -> None:
    """At any byte. What the Hub had sent when the kill came, and was not read, is sent again."""
    size = 256_000_000
    hub.add("org/big", files={"config.json": "{}", "model.safetensors": {"size": size}})
    download = Download(
        tmp_path, hub, tmp_path / "none", model="org/big", connections=4, segment_bytes=16 << 20
    )
    hub.fault("slow", origin="cdn", bytes_per_second=20_000_000)
    kills = (1, 2, 3)
    for quarter in kills:
        download.start()
        download.until(lambda: download.state().bytes_done > quarter * size // 4)  # noqa: B023
        download.kill()
    hub.clear()
    assert download.run().stage == "done", download.log
    assert size <= download.fetched() < size * (1 + 0.01 * len(kills)), "1 % a kill"


@pytest.mark.parametrize("after", ["renamed", "linked"])
def test_killed_between_a_file_and_the_next(download: Download, hub: FakeHub, after: str) -> None:
    hub.fault("stall", path=SHARDS[1], origin="cdn", at=0)
    download.spec = _with(download, timeout_seconds=30.0)
    download.start()
    sha256 = hub.add(MODEL, info={})["files"][SHARDS[0]]["sha256"]
    snapshots = download.blobs.parent / "snapshots"
    if after == "renamed":
        download.until((download.blobs / sha256).exists)
    else:
        download.until(lambda: any(snapshots.glob(f"*/{SHARDS[0]}")))
    download.kill()
    hub.clear()
    hub.reset()
    assert download.run().stage == "done"
    assert download.is_served()
    assert hub.sent(SHARDS[0], "cdn") == 0


def test_killed_while_it_reads_for_the_checksum(tmp_path: Path, hub: FakeHub) -> None:
    size = 150_000_000
    hub.add("org/big", files={"config.json": "{}", "model.safetensors": {"size": size}})
    download = Download(
        tmp_path, hub, tmp_path / "none", model="org/big", segment_bytes=8 << 20, connections=4
    )
    download.start()
    download.until(lambda: download.state().stage == "verifying" or not download.job.is_running())
    download.kill()
    assert (download.blobs / f"{_sha256(hub, 'org/big')}").exists() or download.parts()
    assert download.run().stage == "done"
    assert download.fetched() == size


def test_sigterm_ends_it_at_once(download: Download, hub: FakeHub) -> None:
    hub.fault("slow", origin="cdn", bytes_per_second=100_000)
    download.start()
    download.until(lambda: download.state().bytes_done > _small(download))
    holder = msgspec.json.decode((download.job.folder / "lock").read_bytes(), type=Identity)
    began = time.monotonic()
    os.kill(holder.pid, signal.SIGTERM)
    download.until(lambda: not download.job.is_running())
    assert time.monotonic() - began < 0.5
    assert download.state().bytes_done > _small(download)
    assert not [each for each in psutil.Process().children() if each.pid == holder.pid]


def test_a_second_worker_of_one_folder_ends_at_once(download: Download, hub: FakeHub) -> None:
    hub.fault("slow", origin="cdn", bytes_per_second=400_000)
    download.start()
    download.until(lambda: download.state().stage == "running")
    download.job.launch(download.environment)
    download.until(lambda: "another worker" in download.log, 5)
    assert download.job.is_running()
    assert download.end().stage == "done"
    assert download.fetched() == download.weight_bytes


def test_two_jobs_of_one_model_share_what_they_fetch(download: Download, hub: FakeHub) -> None:
    other = Download(download.cache.parent, hub, download.source, include=("*",))
    other.job = Job(download.job.folder.with_name("two"))
    hub.fault("slow", origin="cdn", bytes_per_second=1_000_000)
    download.start()
    other.start()
    assert download.end().stage == other.end().stage == "done"
    assert download.is_served()
    assert download.fetched() == download.weight_bytes


ADOPTED = """
import json, os, sys
from pathlib import Path
from mlx_manager_jupyter.adapters.hub.worker.job import Job
Job(Path(sys.argv[1])).launch(json.load(sys.stdin))
os._exit(0)
"""


def test_a_worker_that_another_process_started(download: Download, hub: FakeHub) -> None:
    hub.fault("slow", origin="cdn", bytes_per_second=100_000)
    download.job.write(download.spec)
    argv = [sys.executable, "-c", ADOPTED, str(download.job.folder)]
    subprocess.run(argv, input=json.dumps(download.environment).encode(), check=True)
    download.until(lambda: download.state().bytes_done > _small(download))
    assert download.job.is_running()
    holder = msgspec.json.decode((download.job.folder / "lock").read_bytes(), type=Identity)
    download.job.stop()
    assert not download.job.is_running()
    # It has ended; whose child it was by then is for that one to see.
    gone = not psutil.pid_exists(holder.pid)
    assert gone or psutil.Process(holder.pid).status() == psutil.STATUS_ZOMBIE
    hub.clear()
    assert download.run().stage == "done"
    assert download.is_served()


def test_stop_harms_nobody_who_only_has_the_pid(download: Download) -> None:
    download.job.write(download.spec)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        argv = tuple(psutil.Process(stranger.pid).cmdline())
        claim = Identity(pid=stranger.pid, create_time=1.0, argv=argv)
        (download.job.folder / "lock").write_bytes(msgspec.json.encode(claim))
        download.job.stop()
        assert stranger.poll() is None
        stranger.communicate(b"\n")


def test_the_limit_holds_and_can_change(tmp_path: Path, hub: FakeHub) -> None:
    hub.add("org/big", files={"config.json": "{}", "model.safetensors": {"size": 40_000_000}})
    download = Download(
        tmp_path, hub, tmp_path / "none", model="org/big", connections=4, segment_bytes=4 << 20
    )
    download.job.write(download.spec)
    download.job.set_limit(4_000_000)
    download.start()
    download.until(lambda: download.state().bytes_done > 1_000_000)
    rate = _rate(download, seconds=2.0)
    assert rate == pytest.approx(4_000_000, rel=0.15)
    download.job.set_limit(1_000_000)
    changed = time.monotonic() + 0.5
    download.until(lambda: time.monotonic() > changed)
    assert _rate(download, seconds=1.5) == pytest.approx(1_000_000, rel=0.15)
    download.kill()
    kept = download.state().bytes_done
    hub.reset()
    download.job.set_limit(None)
    assert download.run().stage == "done"
    assert asked_for(hub) <= 40_000_000 + len("{}") - kept


def asked_for(hub: FakeHub) -> int:
    """Bytes of all ranges."""
    ranges = [each["range"].removeprefix("bytes=") for each in hub.log(origin="cdn")]
    pairs = [tuple(map(int, each.split("-"))) for each in ranges]
    return sum(last - first + 1 for first, last in pairs)


def _rate(download: Download, seconds: float) -> float:
    """Bytes per second between two changes of the state."""

    def change() -> tuple[float, int]:
        before = download.state().bytes_done
        download.until(lambda: download.state().bytes_done != before)
        return time.monotonic(), download.state().bytes_done

    began, first = change()
    download.until(lambda: time.monotonic() - began > seconds)
    ended, last = change()
    return (last - first) / (ended - began)


def test_no_room_is_told_before_the_first_byte(download: Download, hub: FakeHub) -> None:
    download.spec = _with(download, margin_bytes=10**18)
    state = download.run()
    assert state.error is not None
    assert (state.error.code, state.retry) == ("disk_full", False)
    assert hub.sent("/resolve/") == hub.sent(origin="cdn") == 0
    download.spec = _with(download, margin_bytes=0)
    assert download.run().stage == "done"


def test_what_is_there_needs_no_room(download: Download) -> None:
    assert download.run().stage == "done"
    # Finished files count as they are; a part counts by what it has on the disk.
    for file in download.blobs.parent.glob(f"snapshots/*/{SHARDS[1]}"):
        blob = file.resolve()
        blob.unlink()
        (download.job.folder / "parts" / f"{blob.name}.ok").unlink()
    free = os.statvfs(download.cache)
    margin = free.f_bavail * free.f_frsize - 5_000_000
    download.spec = _with(download, margin_bytes=margin)
    assert download.run().stage == "done", download.log


@pytest.mark.parametrize("limit", [200_000, 400_000])
def test_the_disk_takes_no_more_in_the_middle(download: Download, limit: int) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    download.job.write(download.spec)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        download.job.launch(download.environment)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    state = download.end()
    assert state.error is not None
    assert (state.error.code, state.retry) == ("disk_full", False)
    assert 0 < download.fetched() <= download.weight_bytes
    kept = state.bytes_done
    assert download.run().stage == "done"
    assert download.is_served()
    assert download.fetched() <= download.weight_bytes + 2 * SEGMENT
    assert kept > 0


def test_a_cache_that_is_closed_to_us(download: Download) -> None:
    download.cache.parent.mkdir(parents=True, exist_ok=True)
    download.cache.write_text("a file where the folder should be")
    state = download.run()
    assert state.error is not None
    assert (state.error.code, state.retry) == ("download_failed", False)
    download.cache.unlink()


def test_no_secret_in_any_file(download: Download, hub: FakeHub) -> None:
    hub.add(MODEL, gated="manual")
    download.environment |= {"HF_TOKEN": MEMBER, "HF_DEBUG": "1", "HF_HUB_VERBOSITY": "debug"}
    hub.fault("expired", path=SHARDS[0], origin="cdn", times=3)
    hub.fault("status", path=SHARDS[1], origin="cdn", status=500)
    download.start()
    hub.until(lambda hub: any(each["hits"] for each in hub.faults()))
    argv = [each.cmdline() for each in psutil.Process().children()]
    assert download.end().stage == "failed"
    hub.clear()
    assert download.run().stage == "done"
    files = [path for path in download.job.folder.rglob("*") if path.is_file()]
    assert {"job.json", "state.json", "worker.log"} <= {path.name for path in files}
    for text in [*(path.read_bytes() for path in files), repr(argv).encode()]:
        assert MEMBER.encode() not in text
        assert b"Signature=" not in text
        assert b"Expires=" not in text
    # The store behind the Hub never sees the token; the Hub does, or there would be no files.
    assert {each["authorized"] for each in hub.log(origin="cdn")} == {False}
    assert {each["authorized"] for each in hub.log("/resolve/")} == {True}


def test_what_nobody_foresaw_is_said_too(download: Download) -> None:
    download.job.write(download.spec)
    (download.job.folder / "job.json").write_text('{"model": 7}')
    download.job.launch(download.environment)
    state = download.end()
    assert state.error is not None
    assert (state.stage, state.error.code) == ("failed", "download_failed")
    assert "Traceback" in download.log


def test_a_crash_leaves_the_last_state(download: Download, hub: FakeHub) -> None:
    hub.fault("slow", origin="cdn", bytes_per_second=100_000)
    download.start()
    download.until(lambda: download.state().bytes_done > _small(download))
    download.kill()
    assert download.state().stage == "running"
    before = download.state()
    hub.clear()
    hub.fault("hang", path=f"/api/models/{MODEL}", origin="hub")
    download.start()
    download.until(lambda: download.state().stage == "planning")
    # Nobody sees the figures fall to nothing because it starts anew.
    assert (download.state().bytes_done, download.state().bytes_total) == (
        before.bytes_done,
        before.bytes_total,
    )


def _small(download: Download) -> int:
    """Bytes of the files that come before the weights."""
    names = {"config.json", *SHARDS}
    return sum(path.stat().st_size for path in download.source.iterdir() if path.name not in names)


def _with(download: Download, **changes: Any) -> JobSpec:
    return msgspec.structs.replace(download.spec, **changes)


def _sha256(hub: FakeHub, model: str) -> str:
    name: str = hub.add(model, info={})["files"]["model.safetensors"]["sha256"]
    return name
