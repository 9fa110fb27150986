"""Everything that one process brought into being, and the proof that it is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from mlx_manager_jupyter.adapters.process.identity import (
    carriers,
    find,
    lives,
    pid_has_passed_on,
)
from mlx_manager_jupyter.adapters.process.ports import holder, listens, port_is_free
from mlx_manager_jupyter.adapters.process.records import Failure, ProcessFailed

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import Identity

#: Seconds that the kernel may take to end a killed process: long when it gives back much memory.
_KILL_SECONDS = 10.0
#: Seconds between a process's end and its port being free again.
_PORT_SECONDS = 2.0
#: How often more members may turn up while the known ones are ended.
_ROUNDS = 5
#: Seconds between two looks, from the first to the rarest: most engines end within 10 ms.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.1


class Group:
    """The members of one process group: a leader, its session, and its descendants elsewhere.

    A child with a session of its own is found as a descendant of the leader, so it has to be seen
    (by `living`) while the leader lives; from then on it is remembered. What nobody saw, such as
    the ranks of an `mlx.launch` that was killed, is found in the end by its marker. Safe to use
    from threads.
    """

    def __init__(
        self,
        leader: Identity,
        *,
        is_session_leader: bool = False,
        marker: tuple[str, str] | None = None,
    ) -> None:
        """Set ``is_session_leader`` if that is known, as for a child that was just spawned.

        Otherwise the leader is believed to be one only once it was seen alive: the number of a
        dead session may have passed to a stranger's. ``marker`` is as in `Launch`.
        """
        self.leader = leader
        self._marker = marker
        self._session = leader.pid if is_session_leader else None
        self._seen: dict[int, psutil.Process] = {}
        self._had_port = False
        self._lock = threading.Lock()

    def living(self) -> list[psutil.Process]:
        """Look who is alive now, leader first. Blocks for some milliseconds: use a thread."""
        with self._lock:
            leader = find(self.leader)
            found: dict[int, psutil.Process] = {}
            if leader is not None:
                found[leader.pid] = leader
                self._learn_session(leader)
            elif pid_has_passed_on(self.leader):
                self._session = None  # a stranger's session may have the number by now
            for parent in [leader] if leader else list(self._seen.values()):
                with suppress(psutil.Error):
                    found |= {child.pid: child for child in parent.children(recursive=True)}
            if self._session is not None:
                found |= _of_session(self._session)
            # An object that was made earlier knows its own create time, and so notices when its pid
            # has passed to another process.
            known = {pid: each for pid, each in self._seen.items() if lives(each)}
            self._seen = {pid: each for pid, each in (found | known).items() if lives(each)}
            if not self._seen:
                self._session = None  # nobody keeps the number from being used again
            return sorted(self._seen.values(), key=lambda each: each.pid != self.leader.pid)

    def listens(self, port: int) -> bool:
        """Whether the port belongs to a member. Blocks: use a thread."""
        found = listens(self.living(), port)
        self._had_port |= found
        return found

    def tell(self, number: signal.Signals, told: set[int]) -> list[int]:
        """Send a signal to every member that was not told yet; return the pids of all of them.

        One by one and not by ``killpg``, since only so is each identified at that very moment.
        """
        members = self.living()
        for member in members:
            if member.pid not in told:
                told.add(member.pid)
                with suppress(psutil.Error):
                    member.send_signal(number)
        return [member.pid for member in members]

    async def end(self, host: str, port: int, grace: float) -> None:
        """End every member and make sure of it: SIGTERM, SIGINT, SIGKILL, ``grace`` seconds apart.

        SIGINT because mlx-vlm and mlx-openai-server wait on SIGTERM, without limit, for streams
        that are open. Returns once no member is left, and the port is free if one of them had it.
        Raises `ProcessFailed` naming what is left.
        """
        for _ in range(_ROUNDS):
            await asyncio.to_thread(self.listens, port)
            left = await self._end_members(grace)
            if left or not await asyncio.to_thread(self._find_marked):
                break
        else:
            left = [member.pid for member in await asyncio.to_thread(self.living)]
        if left:
            pids = ", ".join(map(str, left))
            raise ProcessFailed(
                Failure(kind="timeout", detail=f"Still running after SIGKILL: process {pids}.")
            )
        # A killed leader is a zombie already while its other threads still hold the port.
        if self._had_port:
            await _wait_for_port(host, port)
        self._had_port = False  # from now on it may be anybody's

    async def _end_members(self, grace: float) -> list[int]:
        left: list[int] = []
        for number, patience in (
            (signal.SIGTERM, grace),
            (signal.SIGINT, grace),
            (signal.SIGKILL, _KILL_SECONDS),
        ):
            left = await self._end_by(number, patience)
            if not left:
                break
        return left

    async def _end_by(self, number: signal.Signals, patience: float) -> list[int]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        told: set[int] = set()
        pause = _FIRST_PAUSE
        while left := await asyncio.to_thread(self.tell, number, told):
            if loop.time() >= deadline:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        return left

    def _find_marked(self) -> bool:
        """Take in those who carry the marker; whether there are any. As slow as `carriers`."""
        if self._marker is None:
            return False
        found = {each.pid: each for each in carriers(*self._marker)}
        with self._lock:
            self._seen |= found
        return bool(found)

    def _learn_session(self, leader: psutil.Process) -> None:
        with suppress(ProcessLookupError):
            session = os.getsid(leader.pid)
            if session != os.getsid(0):  # never our own, whatever identity we were given
                self._session = session


async def reap(identity: Identity, host: str, port: int, grace: float = 2.0) -> None:
    """End a process that nobody supervises, and its whole group, and make sure of it.

    A leader that is dead already ends nothing: find what it left behind with `find_marked`.
    Raises `ProcessFailed` naming what is left.
    """
    await Group(identity).end(host, port, grace)


def _of_session(session: int) -> dict[int, psutil.Process]:
    found = {}
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            if os.getsid(pid) == session:
                found[pid] = psutil.Process(pid)
    return found


async def _wait_for_port(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PORT_SECONDS
    while not port_is_free(host, port):
        if loop.time() >= deadline:
            who = await asyncio.to_thread(holder, port)
            raise ProcessFailed(
                Failure(kind="timeout", detail=f"Port {port} is still held by {who}.")
            )
        await asyncio.sleep(_FIRST_PAUSE)
