"""Control groups of Linux: the memory that a container, a job or a service may take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from mlx_manager_jupyter.schema import Memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class Group(Struct, frozen=True):
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


def group_at(folder: Path) -> Group | None:
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
        if (limit_text := text_of(folder / limit).strip()).isdecimal():
            stat = counters_in(text_of(folder / "memory.stat"))
            current_text = text_of(folder / current).strip()
            return Group(
                limit=int(limit_text),
                current=int(current_text) if current_text.isdecimal() else 0,
                inactive_file=stat.get(inactive, 0),
            )
    return None


def counters_in(stat: str) -> dict[str, int]:
    """Read ``memory.stat``: one ``name value`` a line."""
    return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", stat, re.MULTILINE)}


def text_of(path: Path) -> str:
    """What a file of the system says; nothing if there is none, or it is closed to us."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
