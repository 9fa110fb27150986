"""How busy the processor is: with groups of processes, and altogether."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: Of ``psutil.cpu_times``: what is no work. The time of guests is in ``user`` and ``nice`` as well,
#: see https://docs.kernel.org/filesystems/proc.html#miscellaneous-kernel-statistics-in-proc-stat.
_IDLE = ("idle", "iowait")
_TWICE = ("guest", "guest_nice")


class Processor:
    """What was done since the look before; a first look knows nothing. Blocking, for one thread.

    psutil's own ``cpu_percent`` remembers by thread, and ours are lent by a pool.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._looked_at = 0.0
        self._processes: dict[int, psutil.Process] = {}
        self._spent: dict[int, float] = {}
        self._system: tuple[float, float] | None = None

    def groups(self, members: Mapping[str, Iterable[int]]) -> dict[str, float | None]:
        """Percent of one core by group, so that two busy cores are 200.

        Args:
            members: the processes of each group. Who is new has done nothing so far, and who is
                gone does nothing any more.
        """
        now = self._clock()
        took, self._looked_at = now - self._looked_at, now
        before, self._spent = self._spent, self._times(members)
        shares: dict[str, float | None] = {}
        for name, pids in members.items():
            known = [pid for pid in pids if pid in before and pid in self._spent]
            # A number that has passed to another process may have spent less than the one before.
            spent = sum(max(0.0, self._spent[pid] - before[pid]) for pid in known)
            shares[name] = round(100 * spent / took, 1) if known and took > 0 else None
        return shares

    def system(self) -> float | None:
        """Percent of the whole machine: 100 when every core is busy."""
        times: dict[str, float] = psutil.cpu_times()._asdict()
        total = sum(times.values()) - sum(times.get(name, 0.0) for name in _TWICE)
        now = total - sum(times.get(name, 0.0) for name in _IDLE), total
        before, self._system = self._system, now
        if before is None or now[1] <= before[1]:
            return None
        busy = (now[0] - before[0]) / (now[1] - before[1])
        return round(100 * min(1.0, max(0.0, busy)), 1)

    def _times(self, members: Mapping[str, Iterable[int]]) -> dict[int, float]:
        """Seconds of work so far, of those that live."""
        pids = {pid for group in members.values() for pid in group}
        self._processes = {pid: each for pid, each in self._processes.items() if pid in pids}
        spent = {}
        for pid in pids:
            with suppress(psutil.Error):
                if pid not in self._processes:
                    self._processes[pid] = psutil.Process(pid)
                times = self._processes[pid].cpu_times()
                spent[pid] = times.user + times.system
        return spent
