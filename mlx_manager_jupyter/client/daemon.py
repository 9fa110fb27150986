"""The daemon: a Jupyter server of its own with only our extension, for those who run no Jupyter.

It outlives whoever started it, and with it its servers and downloads.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from mlx_manager_jupyter.client import discovery
from mlx_manager_jupyter.client.daemon_lock import daemon_pid, home, lock_file
from mlx_manager_jupyter.errors import ExtensionUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlx_manager_jupyter.schema import Connection

#: Jupyter imports a lot; from a cold disk that takes its time.
START_SECONDS = 60.0
#: The extension stops its servers first, each within some 15 s.
STOP_SECONDS = 60.0
LOOK_SECONDS = 0.05
#: Lines of its log that explain why it did not start.
TAIL = 15

#: Kernels learn by these whose they are; the daemon is nobody's.
_OF_ANOTHER = (discovery.VARIABLE, "JPY_PARENT_PID", "JPY_SESSION_NAME")

_MODULE = "mlx_manager_jupyter.extension"

#: Popen complains when it is collected before its child ended; ours shall outlive us.
_children: list[subprocess.Popen[bytes]] = []


def log_file() -> Path:
    """What the daemon has printed since it was started."""
    return home() / "daemon.log"


def running() -> Connection | None:
    """The daemon's door; None when it does not run, or does not answer yet."""
    pid = daemon_pid()
    if pid is None or not discovery.file_of(pid).exists():
        return None
    with suppress(ExtensionUnreachable):
        found = discovery.read(discovery.file_of(pid))
        return found if discovery.answers(found) else None
    return None


def start(
    wait: Callable[[float], object] = lambda _: None, *, auto_start: bool = False
) -> Connection:
    """Start the daemon, unless it runs, and return its door once that is open.

    Two at once start one: whoever comes second waits for it too.

    Args:
        wait: is told every moment for how many seconds it has been waited.
        auto_start: bring up the profiles that say so, as Jupyter does. Who only asks a question
            does not want models to be loaded for it.

    Raises:
        ExtensionUnreachable: it did not come up; with the end of its log.
    """
    begun = time.monotonic()
    child: subprocess.Popen[bytes] | None = None
    while (waited := time.monotonic() - begun) < START_SECONDS:
        if found := running():
            return found
        if child is None:
            if daemon_pid() is None:
                child = _spawn(auto_start=auto_start)
        elif child.poll() is not None and daemon_pid() is None:
            raise _failed("ended while it started")
        wait(waited)
        time.sleep(LOOK_SECONDS)
    raise _failed(f"does not answer after {START_SECONDS:.0f} s")


def stop(wait: Callable[[float], object] = lambda _: None) -> bool:
    """End the daemon and the servers that nobody wants kept; False if there was none.

    Returns when it is gone.

    Args:
        wait: as for `start`.

    Raises:
        ExtensionUnreachable: it does not end.
    """
    begun = time.monotonic()
    asked: int | None = None
    while (pid := daemon_pid()) is not None:
        if pid != asked:
            os.kill(pid, signal.SIGTERM)  # who holds the lock is alive, so the pid is its own
            asked = pid
        waited = time.monotonic() - begun
        if waited > STOP_SECONDS:
            raise ExtensionUnreachable(
                f"The daemon (process {pid}) does not end.", f"See {log_file()}, or: kill -9 {pid}"
            )
        wait(waited)
        time.sleep(LOOK_SECONDS)
    return asked is not None


def _spawn(*, auto_start: bool) -> subprocess.Popen[bytes]:
    try:
        home().mkdir(parents=True, exist_ok=True)
        log = os.open(log_file(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise ExtensionUnreachable(
            f"The daemon has no place for its state: {error}.",
            "Set MLX_MANAGER_HOME to a folder that is yours.",
        ) from error
    env = {key: value for key, value in os.environ.items() if key not in _OF_ANOTHER}
    # Containers have no other user, and Jupyter would refuse.
    root = ["--allow-root"] if os.geteuid() == 0 else []
    options = ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--ServerApp.open_browser=False"]
    options += [f"--ServerManager.auto_start={auto_start}"]
    try:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE, str(lock_file()), *options, *root],
            env=env,
            cwd=home(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)
    _children.append(child)
    return child


def _failed(how: str) -> ExtensionUnreachable:
    tail: list[str] = []
    with suppress(OSError):
        tail = log_file().read_text("utf-8", "replace").splitlines()[-TAIL:]
    return ExtensionUnreachable(f"The daemon {how}.", f"Its log is {log_file()}.", tail)
