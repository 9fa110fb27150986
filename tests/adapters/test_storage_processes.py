"""The store under kill -9, a full disk and several writers: real processes, real signals.

Run as a program, this file is the other side: ``… PATH nursery`` forks one endless writer per line
of its input (a fork costs milliseconds, an interpreter would cost most of the test's time), and
``… PATH count NAME TURNS`` ``… PATH fill`` and
``… PATH read-only`` do what their test asks for.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.errors import StoreUnusable
from mlx_manager_jupyter.schema import Profile

KILLS = 80
NOBODY = 65534
NAMES = 12
ROOT = Path(__file__).parents[2]


def profile(name: str, version: int) -> Profile:
    """A record that a half write would give away: every part of it follows from its version."""
    return Profile(name=name, model=f"org/{version}", seed=version, description=f"{version}." * 400)


# --- the other side -------------------------------------------------------------------------------


def write_for_ever(path: Path) -> None:
    """Put versions without end and report each one that the store has acknowledged."""
    store = Store(path)
    version = max((record.seed or 0 for record in store.list(Profile)), default=0)
    while True:
        version += 1
        name = f"p{version % NAMES}"
        store.put(profile(name, version))
        # One system call, or a kill may leave half a line (print makes several if unbuffered).
        os.write(1, f"{name} {version}\n".encode())


def nursery(path: Path) -> None:
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            write_for_ever(path)
        print("born", child, flush=True)
        os.waitpid(child, 0)
        print("dead", child, flush=True)


def count(path: Path, name: str, turns: int) -> None:
    store = Store(path, lock_timeout_seconds=60)
    for turn in range(turns):
        with store.transaction():
            total = store.get(Profile, "total")
            store.put(Profile(name="total", model="m", seed=((total and total.seed) or 0) + 1))
        store.put(profile(f"{name}-{turn}", turn))


def fill(path: Path) -> None:
    """Write until the file may not grow: the same error path as a full disk, for any user."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    store = Store(path)
    try:
        for turn in range(1000):
            store.put(profile(f"f{turn}", turn))
            print(turn, flush=True)
    except StoreUnusable as error:
        print(error.hint, flush=True)


def read_only(path: Path) -> None:
    # Entered first: what is above may be closed to nobody.
    os.chdir(path.parent)
    if os.geteuid() == 0:  # who may write anywhere
        for file in Path().iterdir():
            os.chown(file, NOBODY, NOBODY)
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    store = Store(Path(path.name))
    print(*(record.name for record in store.list(Profile)), flush=True)
    try:
        store.put(profile("b", 2))
    except StoreUnusable as error:
        print(error.hint, flush=True)


# --- the tests ------------------------------------------------------------------------------------


def start(path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, str(path), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_kill_9_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    acknowledged: dict[str, int] = {}
    cut_short = unfinished = 0
    began = time.monotonic()
    with start(path, "nursery") as writers:
        assert writers.stdin
        assert writers.stdout
        for turn in range(KILLS):
            print("next", file=writers.stdin, flush=True)
            lines = [writers.stdout.readline()]
            # Every second life lasts for a write at least: a slow disk shall prove something too.
            while not any(line.startswith("born") for line in lines) or (
                turn % 2 and not any(line.startswith("p") for line in lines)
            ):
                lines.append(writers.stdout.readline())
            time.sleep(random.uniform(0.001, 0.060))  # the moment is the point of this test
            [child] = [int(line.split()[1]) for line in lines if line.startswith("born")]
            os.kill(child, signal.SIGKILL)
            while not lines[-1].startswith("dead"):
                lines.append(writers.stdout.readline())
            for name, version in (line.split() for line in lines if line.startswith("p")):
                acknowledged[name] = int(version)

            cut_short += bool(list(tmp_path.glob("*.tmp")))
            store = Store(path)
            stored = {record.name: record.seed or 0 for record in store.list(Profile)}
            assert all(
                record == profile(record.name, record.seed or 0) for record in store.list(Profile)
            )
            assert all(stored[name] >= version for name, version in acknowledged.items())
            # At most the one write that the kill interrupted may be there unacknowledged.
            newest = max(acknowledged.values(), default=0)
            assert max(stored.values(), default=0) <= newest + 1
            unfinished += max(stored.values(), default=0) > newest
            acknowledged |= stored
            assert not list(tmp_path.glob("*.damaged-*"))
        writers.stdin.close()
    Store(path).put(profile("last", 0))
    assert not list(tmp_path.glob("*.tmp"))
    # Without these the kills would have proven nothing.
    assert cut_short > 0
    assert max(acknowledged.values()) >= KILLS // 2
    print(
        f"{KILLS} kills in {time.monotonic() - began:.1f} s: {max(acknowledged.values())} writes"
        f" kept, {cut_short} kills in the middle of a write, {unfinished} between write and word"
    )


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path, turns = tmp_path / "state.json", 25
    writers = [start(path, "count", name, str(turns)) for name in "abc"]
    for writer in writers:
        writer.communicate(timeout=100)
        assert writer.returncode == 0
    store = Store(path)
    total = store.get(Profile, "total")
    assert total is not None
    assert total.seed == 3 * turns
    assert {record.name for record in store.list(Profile)} == {
        "total",
        *(f"{name}-{turn}" for name in "abc" for turn in range(turns)),
    }
    assert not list(tmp_path.glob("*.tmp"))
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_full_disk_keeps_what_was_stored(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    writer = start(path, "fill")
    output, _ = writer.communicate(timeout=60)
    assert writer.returncode == 0
    *acknowledged, hint = output.splitlines()
    assert "disk space" in hint
    assert acknowledged
    assert [record.name for record in Store(path).list(Profile)] == [f"f{n}" for n in acknowledged]
    assert not list(tmp_path.glob("*.tmp"))


def test_a_read_only_folder_can_be_read_and_says_why_not_written(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    Store(path).put(profile("a", 1))
    before = path.read_bytes()
    tmp_path.chmod(0o555)
    reader = start(path, "read-only")
    try:
        output, _ = reader.communicate(timeout=60)
    finally:
        tmp_path.chmod(0o700)
    assert reader.returncode == 0
    read, hint = output.splitlines()
    assert read == "a"
    assert "writable" in hint
    assert path.read_bytes() == before


if __name__ == "__main__":
    where, what, *rest = sys.argv[1:]
    match what:
        case "nursery":
            nursery(Path(where))
        case "count":
            count(Path(where), rest[0], int(rest[1]))
        case "fill":
            fill(Path(where))
        case "read-only":
            read_only(Path(where))
