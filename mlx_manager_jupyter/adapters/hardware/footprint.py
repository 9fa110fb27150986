"""What one process of a Mac takes: its physical footprint, as Activity Monitor's "Memory" shows it.

Resident set sizes lack what Metal holds for a process, and of a model that is nearly all. The
footprint has it. It is read by ``proc_pid_rusage`` of libproc, and not from the text of
``footprint`` or ``top``: these take between a tenth of a second and seconds, round, and change
their columns between releases, while the structure below can't change without breaking programs
that were compiled against it.

Written from the headers of macOS' SDK; it has never run on a Mac.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: ``<sys/resource.h>``: ``#define RUSAGE_INFO_V0 0``. The first version has all that we need.
RUSAGE_INFO_V0 = 0


class RusageInfo(ctypes.Structure):
    """``struct rusage_info_v0`` of ``<sys/resource.h>``, in macOS since 10.9.

    Later versions append fields and leave these where they are.
    """

    _fields_ = [
        ("ri_uuid", ctypes.c_uint8 * 16),
        ("ri_user_time", ctypes.c_uint64),
        ("ri_system_time", ctypes.c_uint64),
        ("ri_pkg_idle_wkups", ctypes.c_uint64),
        ("ri_interrupt_wkups", ctypes.c_uint64),
        ("ri_pageins", ctypes.c_uint64),
        ("ri_wired_size", ctypes.c_uint64),
        ("ri_resident_size", ctypes.c_uint64),
        ("ri_phys_footprint", ctypes.c_uint64),
        ("ri_proc_start_abstime", ctypes.c_uint64),
        ("ri_proc_exit_abstime", ctypes.c_uint64),
    ]


def footprint(pid: int, ask: Callable[..., int] | None = None) -> int | None:
    """Bytes of one process; None if it has ended, or is another user's.

    ``ask`` is ``int proc_pid_rusage(int pid, int flavor, rusage_info_t *buffer)`` of
    ``<libproc.h>``, which answers 0, or -1 and sets errno.
    """
    ask = ask or ctypes.CDLL("/usr/lib/libproc.dylib").proc_pid_rusage
    usage = RusageInfo()
    if ask(ctypes.c_int(pid), ctypes.c_int(RUSAGE_INFO_V0), ctypes.byref(usage)) != 0:
        return None
    return int(usage.ri_phys_footprint)
