"""Hardware: this machine for real, the others by what their systems print.

``cpuinfo_x86.txt`` and ``memory_stat_v1.txt`` are what a machine printed; ``cpuinfo_arm.txt``
follows the format of its system with made-up numbers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlx_manager_jupyter.adapters.hardware import Linux, this_machine
from mlx_manager_jupyter.adapters.hardware.groups import (
    Group,
    counters_in,
    group_folders,
    within_groups,
)
from mlx_manager_jupyter.adapters.hardware.linux import chip_in_cpuinfo
from mlx_manager_jupyter.schema import Memory

RECORDED = Path(__file__).parent / "recorded"
MiB = 2**20
GiB = 2**30


def recorded(name: str) -> str:
    return (RECORDED / name).read_text()


# --- this machine ---------------------------------------------------------------------------------


def test_this_machine_has_something_to_say() -> None:
    machine = this_machine()
    hardware, memory = machine.hardware(), machine.memory()
    assert hardware.chip
    assert hardware.system.startswith(("Linux", "macOS"))
    assert hardware.cores >= 1
    assert hardware.memory_bytes == memory.total_bytes > 100 * MiB
    assert 0 < memory.available_bytes <= memory.total_bytes
    assert memory.used_bytes + memory.available_bytes == memory.total_bytes


def test_memory_of_processes_grows_with_them_and_ends_with_them() -> None:
    program = f"hold = bytearray(b'x') * {64 * MiB}; print('held', flush=True); input()"
    machine = this_machine()
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == "held\n"
        alone = machine.process_memory([child.pid])
        assert 64 * MiB <= alone < 164 * MiB
        both = machine.process_memory([child.pid, os.getpid(), child.pid])
        assert both > alone + MiB
        child.communicate("\n")
    assert machine.process_memory([child.pid]) == 0
    assert machine.process_memory([]) == 0


def test_a_sample_is_cheap_enough_for_every_second() -> None:
    machine = this_machine()
    machine.hardware()
    began = time.perf_counter()
    for _ in range(20):
        machine.memory()
        machine.process_memory([os.getpid()])
    took_ms = (time.perf_counter() - began) / 20 * 1000
    print(f"one sample: {took_ms:.2f} ms")
    assert took_ms < 50


# --- control groups -------------------------------------------------------------------------------


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V2 = {
    "memory.max": f"{64 * MiB}\n",
    "memory.current": f"{40 * MiB}\n",
    "memory.stat": f"anon 1\ninactive_file {10 * MiB}\nactive_file 5\n",
}
V1 = {
    "memory.limit_in_bytes": f"{64 * MiB}\n",
    "memory.usage_in_bytes": f"{40 * MiB}\n",
    "memory.stat": f"inactive_file 3\ntotal_inactive_file {10 * MiB}\n",
}
LIMITED = Memory(total_bytes=64 * MiB, used_bytes=30 * MiB, available_bytes=34 * MiB)


def placed(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {f"sys/fs/cgroup/{folder}{name}": text for name, text in files.items()}


@pytest.mark.parametrize(
    ("membership", "files"),
    [
        pytest.param("0::/\n", placed("", V2), id="version 2, a container's own root"),
        pytest.param("0::/user/job\n", placed("user/job/", V2), id="version 2, our own group"),
        pytest.param("0::/user/job\n", placed("user/", V2), id="version 2, a parent decides"),
        pytest.param(
            "0::/user/job\n",
            placed("user/", V2) | placed("user/job/", {**V2, "memory.max": "max\n"}),
            id="version 2, unlimited below a limit",
        ),
        pytest.param(
            "5:cpu,cpuacct:/x\n4:memory:/job\n0::/\n", placed("memory/job/", V1), id="version 1"
        ),
        pytest.param(
            "4:memory:/docker/0123abc\n", placed("memory/", V1), id="version 1, the host's path"
        ),
    ],
)
def test_a_control_group_limits_what_we_see(
    tmp_path: Path, membership: str, files: dict[str, str]
) -> None:
    machine = Linux(tree(tmp_path, {"proc/self/cgroup": membership, **files}))
    assert machine.memory() == LIMITED
    assert machine.hardware().memory_bytes == 64 * MiB


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({}, id="no control groups"),
        pytest.param(placed("", {"memory.max": "max\n"}), id="version 2 without a limit"),
        pytest.param(
            placed("memory/", {"memory.limit_in_bytes": "9223372036854771712\n"}),
            id="version 1 without a limit",
        ),
    ],
)
def test_without_a_limit_it_is_the_machine_s_memory(tmp_path: Path, files: dict[str, str]) -> None:
    root = tree(tmp_path, {"proc/self/cgroup": "4:memory:/\n0::/\n", **files})
    installed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert Linux(root).memory().total_bytes == installed


def test_the_tightest_group_decides_and_nothing_is_negative() -> None:
    roomy, tight = Group(8 * GiB, GiB, 0), Group(4 * GiB, 3 * GiB, GiB)
    over = Group(limit=2 * GiB, current=3 * GiB, inactive_file=0)
    assert within_groups(16 * GiB, 12 * GiB, []).available_bytes == 12 * GiB
    memory = within_groups(16 * GiB, 12 * GiB, [roomy, tight])
    assert (memory.total_bytes, memory.available_bytes) == (4 * GiB, 2 * GiB)
    memory = within_groups(16 * GiB, 12 * GiB, [over, roomy])
    assert (memory.available_bytes, memory.used_bytes) == (0, 2 * GiB)


def test_groups_are_looked_for_from_our_own_up_to_the_mount() -> None:
    mount = Path("/sys/fs/cgroup")
    assert list(group_folders("0::/a/b\n", mount)) == [mount / "a/b", mount / "a", mount]
    assert list(group_folders("3:cpu,memory:/a\n1:name=systemd:/z\n", mount)) == [
        mount / "memory/a",
        mount / "memory",
    ]
    assert list(group_folders("", mount)) == []


def test_a_recorded_memory_stat() -> None:
    counters = counters_in(recorded("memory_stat_v1.txt"))
    assert counters["total_inactive_file"] > 0
    assert {"cache", "rss", "hierarchical_memory_limit"} <= counters.keys()


def test_the_chip_in_cpuinfo() -> None:
    assert chip_in_cpuinfo(recorded("cpuinfo_x86.txt")) == "AMD EPYC"
    assert chip_in_cpuinfo(recorded("cpuinfo_arm.txt")) == "Raspberry Pi 5 Model B Rev 1.0"
    assert chip_in_cpuinfo("processor\t: 0\n") is None
