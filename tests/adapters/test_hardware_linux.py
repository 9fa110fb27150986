"""What processes hold on Linux, and control groups that the kernel really enforces."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.hardware import Budget, Held, Linux
from mlx_manager_jupyter.adapters.hardware.groups import group_folders
from mlx_manager_jupyter.adapters.hardware.linux import (
    PAGE,
    proportional_in_rollup,
    resident_in_statm,
    resident_in_status,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MiB = 2**20
SIZE = 96 * MiB

#: Holds memory as its argument says, says ``held``, and ends with its input.
HOLDER = """
import mmap, os, sys
how, path, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
if how == "mapped":
    with open(path, "rb") as file:
        held = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    sum(held[offset] for offset in range(0, size, 4096))
else:
    held = bytearray(b"x") * size
child = os.fork() if how == "forked" else None
if child is None or child > 0:
    print("held", child or 0, flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(how: str, path: Path | None = None, size: int = SIZE) -> Iterator[list[int]]:
    argv = [sys.executable, "-c", HOLDER, how, str(path), str(size)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        said = process.stdout.readline().split()
        assert said[0] == "held", said
        yield [process.pid, *(int(pid) for pid in said[1:] if int(pid))]
        process.communicate()


def weights(folder: Path) -> Path:
    path = folder / "weights.bin"
    path.write_bytes(os.urandom(MiB) * (SIZE // MiB))
    return path


# --- what processes hold --------------------------------------------------------------------------


def test_weights_of_its_own_are_held_and_do_not_seem_free() -> None:
    with holding("own") as pids:
        held = Linux().held(pids)
    assert SIZE <= held.size < 1.4 * SIZE
    assert held.seems_free < 0.2 * SIZE


def test_mapped_weights_seem_free_to_the_system(tmp_path: Path) -> None:
    with holding("mapped", weights(tmp_path)) as pids:
        held = Linux().held(pids)
        quick = Linux().process_memory(pids)
    assert SIZE <= held.seems_free <= held.size < 1.4 * SIZE
    assert SIZE <= quick < 1.4 * SIZE


def test_what_only_seems_free_is_taken_off() -> None:
    machine = Linux()
    seen, less = machine.memory(), machine.memory(4 * 2**30)
    assert less.available_bytes < seen.available_bytes - 3 * 2**30
    assert less.used_bytes + less.available_bytes == less.total_bytes
    assert machine.memory(2**60).available_bytes == 0
    budget = Budget(machine, 300 * MiB, list)
    assert budget.memory(MiB).available_bytes == 300 * MiB, "the limit counts it as held"


def test_weights_that_two_processes_map_are_counted_once(tmp_path: Path) -> None:
    path, machine = weights(tmp_path), Linux()
    with holding("mapped", path) as one, holding("mapped", path) as two:
        both = machine.held([*one, *two])
        quick = machine.process_memory([*one, *two])
        assert SIZE <= both.size < 1.4 * SIZE
        assert SIZE <= quick < 1.4 * SIZE
        assert machine.held(one).size < 0.7 * SIZE, "its part of what both map"


def test_what_a_fork_shares_is_held_once() -> None:
    with holding("forked") as pids:
        assert len(pids) == 2
        held = Linux().held(pids)
    assert SIZE <= held.size < 1.4 * SIZE


def test_without_the_exact_file_it_is_told_by_the_counters(tmp_path: Path) -> None:
    (tmp_path / "proc" / "7").mkdir(parents=True)
    status = (
        "Name:\tx\nVmRSS:\t   700 kB\nRssAnon:\t 400 kB\nRssFile:\t 200 kB\nRssShmem:\t 100 kB\n"
    )
    (tmp_path / "proc" / "7" / "status").write_text(status)
    assert Linux(tmp_path).held([7, 7]) == Held(700 * 1024, 300 * 1024)
    assert Linux(tmp_path).process_memory([7]) == 700 * 1024
    assert Linux(tmp_path).held([8]) == Held()


def test_both_files_of_counters_say_the_same() -> None:
    with holding("own") as (pid, *_):
        folder = Path("/proc") / str(pid)
        status = resident_in_status((folder / "status").read_text())
        statm = resident_in_statm((folder / "statm").read_text())
    assert statm is not None
    assert statm == pytest.approx(status, abs=MiB), "it may still be about to wait"
    assert resident_in_statm("9 7 2 1 0 5 0") == (5 * PAGE, 2 * PAGE)


def test_the_dead_have_no_lines() -> None:
    assert resident_in_status("Name:\tpython\nState:\tZ (zombie)\n") == (0, 0)
    assert resident_in_statm("0 0 0 0 0 0 0\n") == (0, 0)
    assert resident_in_statm("") is None
    assert proportional_in_rollup("") is None
    assert proportional_in_rollup("Rss:  10 kB\nPss:  10 kB\n") is None, "an older kernel"


def test_what_exactness_costs() -> None:
    with holding("own", size=512 * MiB) as pids:
        machine = Linux()
        began = time.perf_counter()
        machine.process_memory(pids)
        quick = time.perf_counter() - began
        began = time.perf_counter()
        machine.held(pids)
        exact = time.perf_counter() - began
    print(f"512 MiB: counters {quick * 1000:.2f} ms, every page {exact * 1000:.2f} ms")
    assert quick < 0.05
    assert exact < 0.5


# --- a part of the machine ------------------------------------------------------------------------


def test_a_budget_is_what_all_servers_leave_of_it() -> None:
    machine = Linux()
    assert machine.memory().available_bytes > 600 * MiB
    with holding("own") as pids:
        budget = Budget(machine, 300 * MiB, lambda: pids)
        memory = budget.memory()
        assert memory.total_bytes == 300 * MiB
        assert memory.used_bytes + memory.available_bytes == 300 * MiB
        assert 160 * MiB < memory.available_bytes <= 300 * MiB - SIZE
        assert Budget(machine, 50 * MiB, lambda: pids).memory().available_bytes == 0
    assert Budget(machine, 300 * MiB, list).memory().available_bytes == 300 * MiB
    assert Budget(machine, 2**60, list).memory().total_bytes == machine.memory().total_bytes


# --- real control groups --------------------------------------------------------------------------


@contextmanager
def limited(limit: int, fallback: Path) -> Iterator[tuple[Path, IO[str] | None]]:
    """The root of a file system in which a new group is limited, and where to enter it.

    The kernel's own where it lets us make a group; where not, files in the kernel's format.
    """
    membership = Path("/proc/self/cgroup").read_text()
    for folder in group_folders(membership, Path("/sys/fs/cgroup")):
        group = folder / f"memory-test-{os.getpid()}"
        for name in ("memory.max", "memory.limit_in_bytes"):
            try:
                group.mkdir(exist_ok=True)
                (group / name).write_text(str(limit))
                entrance = (group / "cgroup.procs").open("w")
            except OSError:
                continue
            with entrance:
                yield Path("/"), entrance
            group.rmdir()
            return
        if group.exists():
            group.rmdir()
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": f"{limit}\n",
        "sys/fs/cgroup/memory.current": f"{SIZE + 8 * MiB}\n",
        "sys/fs/cgroup/memory.stat": "inactive_file 0\n",
    }
    for name, text in files.items():
        (fallback / name).parent.mkdir(parents=True, exist_ok=True)
        (fallback / name).write_text(text)
    yield fallback, None


#: Enters a group, holds memory, and says what it sees of the machine.
INSIDE = """
import json, os, pathlib, sys
from mlx_manager_jupyter.adapters.hardware import Linux
root, entrance, size = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if entrance:
    os.write(entrance, str(os.getpid()).encode())
held = bytearray(b"x") * size
memory = Linux(root).memory()
print(json.dumps([memory.total_bytes, memory.available_bytes]))
"""


@pytest.mark.parametrize("limit", [256 * MiB, 160 * MiB])
def test_inside_a_group_one_sees_its_limit_and_what_is_left(tmp_path: Path, limit: int) -> None:
    with limited(limit, tmp_path) as (root, entrance):
        number = entrance.fileno() if entrance else 0
        argv = [sys.executable, "-c", INSIDE, str(root), str(number), str(SIZE)]
        options: dict[str, Any] = {"pass_fds": [number]} if entrance else {}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, **options)
    print("the kernel's own" if entrance else "files in its format", done.stderr)
    total, available = json.loads(done.stdout)
    assert total == limit
    assert 0.4 * (limit - SIZE) < available <= limit - SIZE
