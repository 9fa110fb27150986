"""Linux: what the kernel says, within the limits of the control groups that we are in."""

from __future__ import annotations

import os
import platform
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from mlx_manager_jupyter.adapters.hardware.groups import (
    group_at,
    group_folders,
    text_of,
    within_groups,
)
from mlx_manager_jupyter.adapters.hardware.machine import Held, cores
from mlx_manager_jupyter.schema import Hardware

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlx_manager_jupyter.schema import Memory

#: Bytes.
PAGE = os.sysconf("SC_PAGE_SIZE")


class Linux:
    """Linux: psutil and ``/proc``, within control groups.

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
            chip=chip_in_cpuinfo(text_of(self._root / "proc/cpuinfo")) or platform.machine(),
            system=f"Linux {platform.release()}",
            cores=cores(),
            memory_bytes=self.memory().total_bytes,
        )

    def memory(self, seems_free: int = 0) -> Memory:
        """``MemAvailable`` of the kernel, or what the tightest control group leaves, if less.

        A group counts what is mapped from files as used, unless nobody has touched it for long.
        """
        system = psutil.virtual_memory()
        membership = text_of(self._root / "proc/self/cgroup")
        groups = [
            group
            for folder in group_folders(membership, self._root / "sys/fs/cgroup")
            if (group := group_at(folder))
        ]
        return within_groups(system.total, max(0, system.available - seems_free), groups)

    def process_memory(self, pids: Iterable[int]) -> int:
        """What is in memory of their own, and once what they map: ranks share their libraries.

        By the kernel's counters, whatever the size; processes that map different files are told
        too small, by all but the largest. `held` is exact.
        """
        found = [self._resident(pid) for pid in set(pids)]
        return sum(own for own, _ in found) + max((mapped for _, mapped in found), default=0)

    def held(self, pids: Iterable[int]) -> Held:
        """Proportional set sizes: of a page that several processes map, each has its part."""
        size = seems_free = 0
        for pid in set(pids):
            if part := proportional_in_rollup(self._of(pid, "smaps_rollup")):
                size, seems_free = size + part.size, seems_free + part.seems_free
            else:  # an older kernel, or one that shows it to nobody: shared pages count for each
                own, mapped = resident_in_status(self._of(pid, "status"))
                size, seems_free = size + own + mapped, seems_free + mapped
        return Held(size, seems_free)

    def _resident(self, pid: int) -> tuple[int, int]:
        # The same figures; the kernel writes the first in a fifth of the second's time.
        found = resident_in_statm(self._of(pid, "statm"))
        return found or resident_in_status(self._of(pid, "status"))

    def _of(self, pid: int, file: str) -> str:
        return text_of(self._root / "proc" / str(pid) / file)


def chip_in_cpuinfo(cpuinfo: str) -> str | None:
    """The processor's name in ``/proc/cpuinfo``; ARM boards name the board instead, or nothing."""
    for label in ("model name", "Hardware", "Model"):
        if found := re.search(rf"^{label}\s*:\s*(\S.*)$", cpuinfo, re.MULTILINE):
            return found[1].strip()
    return None


def resident_in_status(status: str) -> tuple[int, int]:
    """Bytes of its own, and bytes mapped from files or shared, in ``/proc/<pid>/status``.

    See https://docs.kernel.org/filesystems/proc.html#process-specific-subdirectories. A zombie has
    none of these lines.
    """
    sizes = kilobytes_in(status)
    mapped = sizes.get("RssFile", 0) + sizes.get("RssShmem", 0)
    return sizes.get("RssAnon", 0), mapped


def resident_in_statm(statm: str) -> tuple[int, int] | None:
    """The same of ``/proc/<pid>/statm``: pages, in all, resident, and of these mapped or shared."""
    pages = statm.split()
    if len(pages) < 3:  # noqa: PLR2004  as above
        return None
    resident, shared = int(pages[1]) * PAGE, int(pages[2]) * PAGE
    return resident - shared, shared


def proportional_in_rollup(rollup: str) -> Held | None:
    """``Pss`` and ``Pss_File`` of ``/proc/<pid>/smaps_rollup``; None if it doesn't have both.

    See https://docs.kernel.org/admin-guide/abi-testing.html#abi-file-testing-procfs-smaps-rollup.
    ``MemAvailable`` counts pages of files as available, in use or not: the kernel may drop them,
    and reads them again at the next token.
    """
    sizes = kilobytes_in(rollup)
    if "Pss" not in sizes or "Pss_File" not in sizes:
        return None
    return Held(sizes["Pss"], sizes["Pss_File"])


def kilobytes_in(text: str) -> dict[str, int]:
    """Bytes by name, from lines such as ``RssAnon:  123 kB``."""
    lines = re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)
    return {name: 1024 * int(size) for name, size in lines}
