"""What this machine has, and what is free of it now: one class per platform behind `this_machine`.

===========  ====================================================================================
`machine`    what every platform answers
`linux`      ``/proc``, within the limits of the control groups that we are in
`groups`     control groups, version 1 and 2
`mac`        ``sysctl`` and ``vm_stat``
`footprint`  what a process of a Mac takes, Metal's memory included
`budget`     a machine of which models may take only a part
`processor`  how busy it is, and with which processes; the same on every platform
===========  ====================================================================================

Blocking, but cheap enough to be asked every second from a worker thread; `Machine.held` says what
it costs. The texts of the system are read by pure functions, so that each platform's are tested on
all of them.
"""

from __future__ import annotations

import platform

from mlx_manager_jupyter.adapters.hardware.budget import Budget
from mlx_manager_jupyter.adapters.hardware.linux import Linux
from mlx_manager_jupyter.adapters.hardware.mac import Mac
from mlx_manager_jupyter.adapters.hardware.machine import Held, Machine
from mlx_manager_jupyter.adapters.hardware.processor import Processor

__all__ = ["Budget", "Held", "Linux", "Mac", "Machine", "Processor", "this_machine"]


def this_machine() -> Machine:
    """The machine that we run on."""
    return Mac() if platform.system() == "Darwin" else Linux()
