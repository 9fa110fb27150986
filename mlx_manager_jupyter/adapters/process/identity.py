"""Telling a process from another one that later got its pid: pid + create time + argv."""

from __future__ import annotations

import os

import psutil

from mlx_manager_jupyter.adapters.process.records import ProcessGone
from mlx_manager_jupyter.schema import Identity

#: Seconds. Linux counts a process's start in ticks of 10 ms, and the sum that psutil makes of it
#: and the boot time is rounded differently after a trip through JSON.
CREATE_TIME_TOLERANCE = 0.01


def identify(pid: int) -> Identity:
    """Take down the identity of a living process. Raises `ProcessGone`."""
    try:
        process = psutil.Process(pid)
        found = Identity(pid=pid, create_time=process.create_time(), argv=tuple(process.cmdline()))
    except psutil.Error as error:
        raise ProcessGone(str(error)) from error
    if not lives(process):
        raise ProcessGone(f"Process {pid} has ended.")
    return found


def find(identity: Identity) -> psutil.Process | None:
    """The living process of this identity; a zombie has ended and counts as gone."""
    try:
        process = psutil.Process(identity.pid)
        same = (
            _as_old_as(identity, process)
            and process.status() != psutil.STATUS_ZOMBIE
            and _is_run_of(identity.argv, process.cmdline())
        )
    except psutil.Error:
        return None
    return process if same else None


def is_alive(identity: Identity) -> bool:
    """Whether exactly this process still runs. Some file reads, about 0.1 ms."""
    return find(identity) is not None


def pid_has_passed_on(identity: Identity) -> bool:
    """Whether its pid means another process by now."""
    try:
        return not _as_old_as(identity, psutil.Process(identity.pid))
    except psutil.Error:
        return False


def lives(process: psutil.Process) -> bool:
    """Whether a process that was found earlier is still the same one, and no zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def carriers(marker: str, value: str) -> list[psutil.Process]:
    """Every living process of this user with ``marker=value`` in its environment.

    Reads the environment of every process of this user: tens of milliseconds, so use a thread.
    """
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.uids().real == os.getuid()
            if mine and process.environ().get(marker) == value and lives(process):
                found.append(process)
        except psutil.Error:
            continue
    return found


def find_marked(marker: str, value: str) -> list[Identity]:
    """Own processes with ``marker=value`` in their environment, oldest first, one for each run.

    Finds a child that was spawned just before a crash kept its pid from being written down. A run
    is named by its leader or, when that is dead, by the oldest process that it left behind. As slow
    as `carriers`.
    """
    marked = {process.pid: process for process in carriers(marker, value)}
    sessions: set[int] = set()
    found = []
    for process in sorted(marked.values(), key=lambda each: each.create_time()):
        try:
            session = os.getsid(process.pid)
            inherited = any(parent.pid in marked for parent in process.parents())
            if not inherited and session not in sessions:
                found.append(identify(process.pid))
                sessions.add(session)
        except (psutil.Error, ProcessGone, ProcessLookupError):
            continue
    return found


def _as_old_as(identity: Identity, process: psutil.Process) -> bool:
    return abs(process.create_time() - identity.create_time) <= CREATE_TIME_TOLERANCE


def _is_run_of(argv: tuple[str, ...], cmdline: list[str]) -> bool:
    # Only the arguments are compared: what stands before them changes when a script hands over to
    # its interpreter, or a framework Python on macOS to the one inside its app bundle.
    # For a moment after exec the kernel shows none; pid and create time are the same by then.
    arguments = list(argv[1:])
    return not cmdline or cmdline[len(cmdline) - len(arguments) :] == arguments
