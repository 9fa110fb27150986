"""How a kernel finds the extension's loopback door.

1. ``MLX_MANAGER_JUPYTER_CONNECTION`` names the file; Jupyter sets it for the kernels it starts.
2. ``mlx-manager-jupyter-<JPY_PARENT_PID>.json`` in Jupyter's runtime folder: the door of the
   Jupyter server that started this kernel before the variable was there to inherit.
3. The only live door of this user: a plain IPython, a script, an editor's own kernel. The daemon's
   counts only when there is no other: it is there for those who run no Jupyter.

A door that was named (1, 2) and does not answer is an error, never a reason to try another one:
work would silently go to the wrong place. Being alive means answering; pids are reused.
"""

from __future__ import annotations

import http.client
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from jupyter_core.paths import jupyter_runtime_dir

from mlx_manager_jupyter.client.daemon_lock import daemon_pid
from mlx_manager_jupyter.errors import ExtensionUnreachable
from mlx_manager_jupyter.schema import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Path of the connection file, never a secret: environments get printed.
VARIABLE = "MLX_MANAGER_JUPYTER_CONNECTION"

#: The layout of the connection file that this side understands.
VERSION = 1

#: A live door on the loopback interface answers in a few milliseconds.
PROBE_SECONDS = 1.0

_START = (
    "Start JupyterLab with `jupyter lab` on this machine, or run `jupyter mlx daemon start`; a "
    "kernel that runs elsewhere than its Jupyter server can't reach it."
)


def discover() -> Connection:
    """Find the door of the extension.

    Raises:
        ExtensionUnreachable: no door, several to choose from, or a file that can't be trusted.
    """
    if found := named():
        return found
    if found := only_live():
        return found
    raise ExtensionUnreachable("No Jupyter server with MLX Manager answers here.", _START)


def named() -> Connection | None:
    """The door that this process was told to use; None if it was told nothing.

    Raises:
        ExtensionUnreachable: its file can't be trusted.
    """
    if file := os.environ.get(VARIABLE):
        return read(Path(file))
    parent = os.environ.get("JPY_PARENT_PID")
    return read(file_of(parent)) if parent and file_of(parent).exists() else None


def only_live() -> Connection | None:
    """The only open door of this user; None if there is none.

    Raises:
        ExtensionUnreachable: there are several to choose from.
    """
    live = [found for found in _candidates() if answers(found)]
    if len(live) > 1:
        daemon = daemon_pid()
        live = [door for door in live if door.pid != daemon]
    if len(live) > 1:
        doors = ", ".join(f"{file_of(door.pid)} ({door.url})" for door in live)
        raise ExtensionUnreachable(
            f"{len(live)} Jupyter servers with MLX Manager run: {doors}.",
            f"Set {VARIABLE} to one of these files.",
        )
    return live[0] if live else None


def read(file: Path) -> Connection:
    """Read one connection file, after checking that only this user could have written it.

    Raises:
        ExtensionUnreachable: it is missing, not ours alone, damaged, or of another version.
    """
    try:
        # Checked on the open descriptor: what is read is what was checked. No links, no pipes.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise ExtensionUnreachable(
            f"The Jupyter server of this kernel is gone: {file.name} can't be opened "
            f"({error.strerror}).",
            "Restart Jupyter, then the kernel.",
        ) from None
    with os.fdopen(descriptor, "rb") as opened:
        facts = os.fstat(opened.fileno())
        if (
            not stat.S_ISREG(facts.st_mode)
            or facts.st_uid != os.getuid()
            or stat.S_IMODE(facts.st_mode) & 0o077
        ):
            raise ExtensionUnreachable(
                f"{file} is not a file of this user alone (mode 0600), so it is not trusted.",
                "Restart Jupyter: it writes the file anew.",
            )
        return _decode(file, opened.read())


def _decode(file: Path, content: bytes) -> Connection:
    try:
        connection = msgspec.json.decode(content, type=Connection)
    except msgspec.DecodeError:
        raise ExtensionUnreachable(
            f"{file} is damaged.", "Restart Jupyter: it writes the file anew."
        ) from None
    if connection.version != VERSION:
        raise ExtensionUnreachable(
            f"Jupyter runs another version of MLX Manager than this kernel ({file}).",
            "Install the same version in both environments, then restart Jupyter and the kernel.",
        )
    return connection


def _candidates() -> Iterator[Connection]:
    for file in sorted(Path(jupyter_runtime_dir()).glob("mlx-manager-jupyter-*.json")):
        try:
            yield read(file)
        except ExtensionUnreachable:
            continue  # a leftover, or another user's: no candidate


def answers(connection: Connection) -> bool:
    """Whether this very door is open: a leftover's port may belong to another by now."""
    door = urlsplit(connection.url)
    probe = http.client.HTTPConnection(door.hostname or "", door.port, timeout=PROBE_SECONDS)
    try:
        probe.request(
            "GET",
            f"{door.path}mlx-manager/api/status",
            headers={"Authorization": f"Bearer {connection.token}"},
        )
        return probe.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        probe.close()


def file_of(pid: int | str) -> Path:
    """The connection file of the extension in that process."""
    return Path(jupyter_runtime_dir()) / f"mlx-manager-jupyter-{pid}.json"
