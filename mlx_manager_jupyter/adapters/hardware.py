"""What this machine has, and what is free of it now: one class per platform behind `this_machine`.

Blocking, but cheap enough to be asked every second from a worker thread. The texts of the system
are read by pure functions, so that each platform's are tested on all of them.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import psutil

from mlx_manager_jupyter.schema import Hardware, Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Machine(Protocol):
    """What every platform answers."""

    def hardware(self) -> Hardware:
        """The facts that don't change while this process lives."""

    def memory(self) -> Memory:
        """System memory at this moment; used and available add up to the total."""

    def process_memory(self, pids: Iterable[int]) -> int:
        """Bytes held by exactly these processes: name the children too. The dead count nothing."""


def this_machine() -> Machine:
    """The machine that we run on."""
    return Mac() if platform.system() == "Darwin" else Linux()


def _resident(pids: Iterable[int]) -> int:
    """Sum of resident set sizes in bytes; memory that processes share is counted for each."""
    total = 0
    for pid in set(pids):
        try:
            total += psutil.Process(pid).memory_info().rss
        except psutil.Error:
            continue
    return total


def _cores() -> int:
    return psutil.cpu_count(logical=False) or os.cpu_count() or 1


# --- Linux --------------------------------------------------------------------------------------


class Linux:
    """Linux: psutil, within the limits of the control groups that we are in.

    A container sees its host's memory in ``/proc/meminfo`` but is killed at its own limit, so the
    tightest group decides. ``root`` is where ``proc`` and ``sys`` are mounted.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def hardware(self) -> Hardware:
        """Chip from ``/proc/cpuinfo``; memory is the machine's or the container's, if less."""
        return self._hardware

    @cached_property
    def _hardware(self) -> Hardware:
        return Hardware(
            chip=chip_in_cpuinfo(_text(self._root / "proc/cpuinfo")) or platform.machine(),
            system=f"Linux {platform.release()}",
            cores=_cores(),
            memory_bytes=self.memory().total_bytes,
        )

    def memory(self) -> Memory:
        """``MemAvailable`` of the kernel, or what the tightest control group leaves, if less."""
        system = psutil.virtual_memory()
        membership = _text(self._root / "proc/self/cgroup")
        groups = [
            group
            for folder in group_folders(membership, self._root / "sys/fs/cgroup")
            if (group := _group_at(folder))
        ]
        return within_groups(system.total, system.available, groups)

    def process_memory(self, pids: Iterable[int]) -> int:
        """Resident set sizes; weights that are mapped from a file count as far as they are in."""
        return _resident(pids)


@dataclass(frozen=True)
class Group:
    """Memory of one control group, in bytes."""

    limit: int
    current: int
    inactive_file: int
    """File cache that the kernel drops first: charged to the group, but free for the asking."""

    @property
    def left(self) -> int:
        """What can still be had without being killed or swapped."""
        return max(0, self.limit - self.current + self.inactive_file)


def within_groups(total: int, available: int, groups: Iterable[Group]) -> Memory:
    """The machine's memory as seen from inside its control groups."""
    for group in groups:
        total = min(total, group.limit)
        available = min(available, group.left)
    available = min(available, total)
    return Memory(total_bytes=total, used_bytes=total - available, available_bytes=available)


def group_folders(membership: str, mount: Path) -> Iterator[Path]:
    """Folders that may hold a memory limit on us: our group's and its parents' up to the mount.

    ``membership`` is ``/proc/self/cgroup`` with lines ``id:controllers:path``: version 2 has id 0
    and no controllers, version 1 names ``memory`` and is mounted in a folder of that name. Inside a
    container the path may be the host's and not exist here; the mount itself is then our group.
    See https://docs.kernel.org/admin-guide/cgroup-v2.html#organizing-processes-and-threads.
    """
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            top = mount
        elif "memory" in controllers.split(","):
            top = mount / "memory"
        else:
            continue
        own = top / path.lstrip("/")
        for folder in (own, *own.parents):
            if not folder.is_relative_to(top):
                break
            yield folder


def _group_at(folder: Path) -> Group | None:
    """The limit in one folder, of version 2 or 1; None if there is none.

    Version 2: ``memory.max``, ``memory.current`` and ``inactive_file`` of ``memory.stat``, see
    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files. Version 1:
    ``memory.limit_in_bytes``, ``memory.usage_in_bytes`` and ``total_inactive_file``, see
    https://docs.kernel.org/admin-guide/cgroup-v1/memory.html#stat-file.
    """
    for limit, current, inactive in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        # "max" in version 2; version 1 has a number beyond all machines, which limits nothing.
        if (limit_text := _text(folder / limit).strip()).isdecimal():
            stat = counters_in(_text(folder / "memory.stat"))
            current_text = _text(folder / current).strip()
            return Group(
                limit=int(limit_text),
                current=int(current_text) if current_text.isdecimal() else 0,
                inactive_file=stat.get(inactive, 0),
            )
    return None


def counters_in(stat: str) -> dict[str, int]:
    """Read ``memory.stat``: one ``name value`` a line."""
    return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", stat, re.MULTILINE)}


def chip_in_cpuinfo(cpuinfo: str) -> str | None:
    """The processor's name in ``/proc/cpuinfo``; ARM boards name the board instead, or nothing."""
    for label in ("model name", "Hardware", "Model"):
        if found := re.search(rf"^{label}\s*:\s*(\S.*)$", cpuinfo, re.MULTILINE):
            return found[1].strip()
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


# --- macOS --------------------------------------------------------------------------------------


def _run(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, check=True, text=True, timeout=5).stdout


class Mac:
    """macOS: ``sysctl`` and ``vm_stat``.

    Written from the documented output formats and tested on recorded output; it has never run on a
    Mac. ``run`` starts a program and gives its output.
    """

    def __init__(self, run: Callable[..., str] = _run) -> None:
        self._run = run

    def hardware(self) -> Hardware:
        """Chip and memory by ``sysctl``."""
        return self._hardware

    @cached_property
    def _hardware(self) -> Hardware:
        chip, memory = sysctl_lines(
            self._run("/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string", "hw.memsize")
        )
        return Hardware(
            chip=chip,
            system=f"macOS {platform.mac_ver()[0]}".strip(),
            cores=_cores(),
            memory_bytes=int(memory),
        )

    def memory(self) -> Memory:
        """``vm_stat``'s pages; see `available_in_vm_stat` for which of them count as available."""
        total = self._hardware.memory_bytes
        available = min(total, available_in_vm_stat(self._run("/usr/bin/vm_stat")))
        return Memory(total_bytes=total, used_bytes=total - available, available_bytes=available)

    def process_memory(self, pids: Iterable[int]) -> int:
        """Resident set sizes, which lack what Metal holds outside of them.

        The physical footprint, which has it, comes later and behind this same method.
        """
        return _resident(pids)


def sysctl_lines(output: str) -> list[str]:
    """Values of ``sysctl -n``, one a line, in the order asked."""
    return [line.strip() for line in output.splitlines()]


def available_in_vm_stat(output: str) -> int:
    """Bytes that can be had without swapping: free, inactive, purgeable and speculative pages.

    ``vm_stat`` leaves speculative pages out of "Pages free", so they are added. Active, wired and
    compressed pages are in use. Inactive pages may be dirty, and purgeable ones inactive too, so
    this is the upper end of the truth.

    Raises:
        ValueError: this is not the output of ``vm_stat``.
    """
    size = re.search(r"page size of (\d+) bytes", output)
    pages = dict(re.findall(r"^Pages (\w+):\s+(\d+)\.$", output, re.MULTILINE))
    if size is None or "free" not in pages:
        raise ValueError("vm_stat answers in an unknown format")
    counted = ("free", "inactive", "purgeable", "speculative")
    return int(size[1]) * sum(int(pages.get(kind, 0)) for kind in counted)
