"""macOS: ``sysctl``, ``vm_stat``, and the footprint of processes.

Written from the documented formats and tested on recorded output; it has never run on a Mac.
"""

from __future__ import annotations

import platform
import re
import subprocess
from functools import cached_property
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.hardware.footprint import footprint
from mlx_manager_jupyter.adapters.hardware.machine import Held, cores
from mlx_manager_jupyter.schema import Hardware, Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlx_manager_jupyter.schema import Pressure

#: What Metal lets the GPU hold where ``iogpu.wired_limit_mb`` is 0, its default: the system chooses
#: then, and only Metal says what (``recommendedMaxWorkingSetSize``). People report two thirds
#: (16 GB, exo#1672), 74 % (16 GB, llmfit#754; 24 GB, sglang#29949), 75 % (gpustack#1375) and 84 %
#: (128 GB, ds4#893), by the size of the machine and the release of macOS.
GPU_SHARE = 0.75

#: ``NOTE_MEMORYSTATUS_PRESSURE_NORMAL``, ``…_WARN`` and ``…_CRITICAL`` of XNU's ``<sys/event.h>``,
#: which is what ``kern.memorystatus_vm_pressure_level`` answers.
PRESSURES: Mapping[int, Pressure] = {1: "normal", 2: "warn", 4: "critical"}


def _run(*argv: str) -> str:
    """Start a program and give its output, whatever it thinks of some of its arguments."""
    return subprocess.run(argv, capture_output=True, check=False, text=True, timeout=5).stdout


class Mac:
    """macOS: the memory is shared with the GPU, so what models hold is seen as the system's.

    ``run`` starts a program and gives its output; ``taken`` is `footprint`.
    """

    def __init__(
        self,
        run: Callable[..., str] = _run,
        taken: Callable[[int], int | None] = footprint,
    ) -> None:
        self._run = run
        self._taken = taken

    def hardware(self) -> Hardware:
        """Chip and memory by ``sysctl``."""
        return self._hardware

    @cached_property
    def _hardware(self) -> Hardware:
        found = values_in_sysctl(
            self._run("/usr/sbin/sysctl", "machdep.cpu.brand_string", "hw.memsize")
        )
        return Hardware(
            chip=found["machdep.cpu.brand_string"],
            system=f"macOS {platform.mac_ver()[0]}".strip(),
            cores=cores(),
            memory_bytes=int(found["hw.memsize"]),
        )

    def memory(self, seems_free: int = 0) -> Memory:
        """``vm_stat``'s pages; see `available_in_vm_stat` for which of them count as available."""
        total = self._hardware.memory_bytes
        available = available_in_vm_stat(self._run("/usr/bin/vm_stat")) - seems_free
        available = max(0, min(total, available))
        # An older system, or an Intel Mac, does not know one of the names and tells the other.
        found = values_in_sysctl(
            self._run(
                "/usr/sbin/sysctl", "kern.memorystatus_vm_pressure_level", "iogpu.wired_limit_mb"
            )
        )
        return Memory(
            total_bytes=total,
            used_bytes=total - available,
            available_bytes=available,
            pressure=pressure_of(found.get("kern.memorystatus_vm_pressure_level", "")),
            gpu_bytes=gpu_bytes_of(found.get("iogpu.wired_limit_mb", ""), total),
        )

    def process_memory(self, pids: Iterable[int]) -> int:
        """Physical footprints: with Metal's memory and what is compressed, without files' pages."""
        return sum(self._taken(pid) or 0 for pid in set(pids))

    def held(self, pids: Iterable[int]) -> Held:
        """The same; none of it seems free, since pages of files are not in it."""
        return Held(self.process_memory(pids))


def values_in_sysctl(output: str) -> dict[str, str]:
    """Values by name, from lines such as ``hw.memsize: 68719476736``."""
    lines = (line.partition(":") for line in output.splitlines())
    return {name.strip(): value.strip() for name, colon, value in lines if colon}


def pressure_of(level: str) -> Pressure:
    """What the system says of its memory; ``normal`` where it says nothing."""
    return PRESSURES.get(int(level), "critical") if level.isdecimal() else "normal"


def gpu_bytes_of(wired_limit_mb: str, total: int) -> int | None:
    """The most that the GPU may hold, in bytes; None for a Mac without Apple's GPU.

    The setting is in MiB, and 0 for the system's own choice.
    """
    if not wired_limit_mb.isdecimal():
        return None
    return int(wired_limit_mb) * 2**20 or round(GPU_SHARE * total)


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
