"""Who runs from an environment, and what a killed installation left running.

By looking at the processes themselves: whoever started them, in whatever Jupyter, they count.
Both take some tens of milliseconds, so call them in a thread.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: In the environment of everything that an installation starts; its value is the engine's folder.
MARKER = "MLX_MANAGER_ENGINE_FOLDER"

#: Seconds that the system may take to end a killed process.
KILL_SECONDS = 10.0


def running_from(folder: Path) -> list[int]:
    """Processes whose command line names a file of this environment.

    An engine's own program is a script, so its interpreter, which lies in the environment, is the
    first word of its command line, however it was called.
    """
    within = f"{folder}{os.sep}"
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            lives = process.status() != psutil.STATUS_ZOMBIE
            if lives and any(word.startswith(within) for word in process.cmdline()):
                found.append(process.pid)
    return found


def end_orphans(folder: Path) -> int:
    """End what an installation into this folder left when its Jupyter was killed; how many."""
    left = list(_marked(str(folder)))
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=KILL_SECONDS)
    return len(left)


def _marked(value: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            mine = process.uids().real == os.getuid()
            if mine and process.environ().get(MARKER) == value:
                yield process
