"""Whether the daemon lives, and under which pid: it holds a lock for as long as it does.

A lock can't be left behind nor be held by another, as a pid can be reused. The daemon takes it
itself (``extension/__main__.py``) and writes its pid into the file.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def home() -> Path:
    """Where the daemon keeps its state: as for the extension, but without Jupyter's settings."""
    return Path(os.environ.get("MLX_MANAGER_HOME") or "~/.mlx-manager").expanduser().resolve()


def lock_file() -> Path:
    """What the daemon of this user holds."""
    return home() / "daemon.lock"


def daemon_pid() -> int | None:
    """The daemon's pid; None when there is none, or it has only begun to start."""
    try:
        handle = os.open(lock_file(), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.read(handle, 20)
        return int(pid) if pid.isdigit() else None
    finally:
        os.close(handle)
    return None
