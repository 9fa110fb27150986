"""Starting a child that outlives us, and learning how it ended."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

from mlx_manager_jupyter.adapters.process.identity import is_alive
from mlx_manager_jupyter.adapters.process.ports import holder, port_is_free
from mlx_manager_jupyter.adapters.process.records import Failure, ProcessFailed
from mlx_manager_jupyter.adapters.process.run_log import create_log
from mlx_manager_jupyter.schema import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.adapters.process.records import Launch

#: Seconds between two looks where the kernel offers no descriptor to wait for (macOS).
_CHILD_PAUSE, _STRANGER_PAUSE = 0.05, 0.25

#: Children not reaped yet. asyncio's subprocess kills its child, and Popen complains, when the
#: object is collected while the child lives; ours are meant to go on when nobody watches them.
_children: dict[int, subprocess.Popen[bytes]] = {}


def spawn(launch: Launch) -> Identity:
    """Start the child in a session of its own. Blocks: use a thread. Raises `ProcessFailed`."""
    try:
        if not port_is_free(launch.host, launch.port):
            raise ProcessFailed(port_taken(launch.port))
        with create_log(launch.log) as log, _stdin(launch) as (stdin, kept):
            child = subprocess.Popen(
                launch.argv,
                env=dict(launch.env),
                cwd=launch.cwd,
                stdin=stdin,
                pass_fds=kept,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:  # ValueError: a null byte in argv or env
        raise ProcessFailed(Failure(kind="spawn", detail=str(error))) from error
    _children[child.pid] = child
    # Until it is reaped even a child that has ended already keeps its pid and create time.
    created = psutil.Process(child.pid).create_time()
    return Identity(pid=child.pid, create_time=created, argv=launch.argv)


@contextmanager
def _stdin(launch: Launch) -> Iterator[tuple[int, tuple[int, ...]]]:
    """What the child reads, and what it has to hold open so that this does not end."""
    if launch.stdin == "empty":
        yield subprocess.DEVNULL, ()
        return
    reading, writing = os.pipe()
    try:
        if launch.stdin == "full":
            os.set_blocking(writing, False)
            with suppress(BlockingIOError):
                while True:
                    os.write(writing, b"\n" * select.PIPE_BUF)
        yield reading, (writing,)
    finally:
        os.close(reading)
        os.close(writing)


def port_taken(port: int) -> Failure:
    """Say who has the port. Blocks: use a thread."""
    return Failure(kind="port_taken", detail=f"Port {port} is taken by {holder(port)}.")


def reap_child(pid: int) -> int | None:
    """Take the exit status of a child that has ended, so that no zombie stays; None if unknown.

    As Popen says it: a negative number is the signal that ended it.
    """
    child = _children.get(pid)
    if child is None or child.poll() is None:
        return None
    del _children[pid]
    return child.returncode


async def exited(identity: Identity) -> int | None:
    """Wait for the end of a process, ours or adopted; return what `reap_child` knows."""
    descriptor = _exit_descriptor(identity.pid)
    if descriptor is None:
        return await _poll(identity)
    try:
        # Asked after opening: from here on the descriptor can't come to mean another process.
        if identity.pid in _children or await asyncio.to_thread(is_alive, identity):
            await _readable(descriptor)
    finally:
        os.close(descriptor)
    return reap_child(identity.pid)


def _exit_descriptor(pid: int) -> int | None:
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:  # gone already, or a kernel or sandbox without it
        return None


async def _poll(identity: Identity) -> int | None:
    if identity.pid in _children:
        while (code := reap_child(identity.pid)) is None:  # noqa: ASYNC110  no descriptor
            await asyncio.sleep(_CHILD_PAUSE)
        return code
    while await asyncio.to_thread(is_alive, identity):  # noqa: ASYNC110  the same
        await asyncio.sleep(_STRANGER_PAUSE)
    return None


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
