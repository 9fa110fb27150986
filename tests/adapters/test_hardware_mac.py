"""A Mac by what its system says: nothing here has run on one.

``vm_stat.txt`` and ``sysctl.txt`` follow the formats of their programs with made-up numbers; the
structure of ``proc_pid_rusage`` is that of the SDK's header, filled in by the tests.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.hardware import Held, Mac
from mlx_manager_jupyter.adapters.hardware.footprint import RusageInfo, footprint
from mlx_manager_jupyter.adapters.hardware.mac import (
    available_in_vm_stat,
    gpu_bytes_of,
    pressure_of,
    values_in_sysctl,
)
from mlx_manager_jupyter.schema import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RECORDED = Path(__file__).parent / "recorded"
GiB = 2**30


def recorded(name: str) -> str:
    return (RECORDED / name).read_text()


def mac(sysctl: str | None = None, taken: Callable[[int], int | None] = lambda _: None) -> Mac:
    """As the real ``sysctl``: lines for the names asked, nothing for one that it doesn't know."""
    known = values_in_sysctl(recorded("sysctl.txt") if sysctl is None else sysctl)

    def run(program: str, *names: str) -> str:
        if program == "/usr/bin/vm_stat":
            return recorded("vm_stat.txt")
        assert program == "/usr/sbin/sysctl"
        return "".join(f"{name}: {known[name]}\n" for name in names if name in known)

    return Mac(run=run, taken=taken)


# --- the system -----------------------------------------------------------------------------------


def test_a_mac_by_what_its_programs_print() -> None:
    hardware = mac().hardware()
    assert (hardware.chip, hardware.memory_bytes) == ("Apple M3 Max", 64 * GiB)
    available = (98765 + 598760 + 12345 + 20480) * 16384
    assert mac().memory() == Memory(
        total_bytes=64 * GiB,
        used_bytes=64 * GiB - available,
        available_bytes=available,
        pressure="normal",
        gpu_bytes=48 * GiB,
    )


def test_pressure_and_a_limit_that_the_user_set_are_read_each_time() -> None:
    lines = recorded("sysctl.txt")
    lines = lines.replace("pressure_level: 1", "pressure_level: 2")
    memory = mac(lines.replace("wired_limit_mb: 0", "wired_limit_mb: 57344")).memory()
    assert (memory.pressure, memory.gpu_bytes) == ("warn", 56 * GiB)


def test_a_mac_that_does_not_know_the_names_has_no_pressure_and_no_limit() -> None:
    lines = recorded("sysctl.txt").splitlines()
    old = "\n".join(line for line in lines if "pressure" not in line and "iogpu" not in line)
    memory = mac(old).memory()
    assert (memory.pressure, memory.gpu_bytes) == ("normal", None)


@pytest.mark.parametrize(
    ("level", "pressure"),
    [("1", "normal"), ("2", "warn"), ("4", "critical"), ("8", "critical"), ("", "normal")],
)
def test_levels_of_pressure(level: str, pressure: str) -> None:
    assert pressure_of(level) == pressure


def test_the_gpu_s_share_without_a_setting_of_the_user() -> None:
    assert gpu_bytes_of("0", 16 * GiB) == 12 * GiB
    assert gpu_bytes_of("14000", 16 * GiB) == 14000 * 2**20
    assert gpu_bytes_of("", 16 * GiB) is None


def test_the_page_size_is_read_not_assumed() -> None:
    output = "Mach Virtual Memory Statistics: (page size of 4096 bytes)\nPages free:   10.\n"
    assert available_in_vm_stat(output) == 40960


@pytest.mark.parametrize("output", ["", "Pages free: 10.\n", "(page size of 4096 bytes)\n"])
def test_what_is_not_vm_stat_is_refused(output: str) -> None:
    with pytest.raises(ValueError, match="vm_stat"):
        available_in_vm_stat(output)


# --- one process ----------------------------------------------------------------------------------

#: ``struct rusage_info_v0``: a UUID of 16 bytes and ten ``uint64_t``.
LAYOUT = "=16s10Q"


def kernel(usages: Mapping[int, Mapping[str, int]]) -> Callable[..., int]:
    """``proc_pid_rusage`` over these processes; like the real one it fills the caller's buffer."""
    names = [name for name, *_ in RusageInfo._fields_[1:]]

    def ask(pid: Any, flavor: Any, buffer: Any) -> int:
        assert flavor.value == 0
        if pid.value not in usages:
            return -1
        values = [usages[pid.value].get(name, 10**15) for name in names]
        content = struct.pack(LAYOUT, b"\xff" * 16, *values)
        ctypes.memmove(buffer, content, len(content))
        return 0

    return ask


def test_the_structure_is_that_of_the_header() -> None:
    assert ctypes.sizeof(RusageInfo) == struct.calcsize(LAYOUT) == 96
    assert RusageInfo.ri_resident_size.offset == 16 + 6 * 8
    assert RusageInfo.ri_phys_footprint.offset == 16 + 7 * 8


def test_the_footprint_is_what_a_process_takes_and_not_its_resident_size() -> None:
    ask = kernel({11: {"ri_phys_footprint": 5 * GiB, "ri_resident_size": 1 * GiB}})
    assert footprint(11, ask) == 5 * GiB
    assert footprint(12, ask) is None


def test_processes_of_a_server_add_up_each_once_and_the_dead_count_nothing() -> None:
    ask = kernel({11: {"ri_phys_footprint": 5 * GiB}, 12: {"ri_phys_footprint": GiB}})
    machine = mac(taken=lambda pid: footprint(pid, ask))
    assert machine.process_memory([11, 12, 11, 13]) == 6 * GiB
    assert machine.held([11, 12]) == Held(6 * GiB, 0)
    assert machine.process_memory([]) == 0


def test_without_the_library_it_is_an_error_and_no_figure() -> None:
    if os.uname().sysname == "Darwin":
        found = footprint(os.getpid())
        assert found is not None
        assert found > 2**20
    else:
        with pytest.raises(OSError, match="libproc"):
            footprint(os.getpid())
