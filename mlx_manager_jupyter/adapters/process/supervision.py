"""Watching one process: up to ready, and on until it ends or has to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.process import ports
from mlx_manager_jupyter.adapters.process.records import Failure
from mlx_manager_jupyter.adapters.process.spawn import exited, port_taken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mlx_manager_jupyter.adapters.process.group import Group
    from mlx_manager_jupyter.adapters.process.records import Launch
    from mlx_manager_jupyter.adapters.process.run_log import RunLog

#: Seconds between two looks at the port, the probe and the log of an engine that comes up: what it
#: takes us to notice must stay well under the 100 ms that we promise.
_BUSY_PAUSE = 0.05
#: The same for the log of one that is ready.
_IDLE_PAUSE = 0.25


class Supervision:
    """What is watched, and whom to tell.

    Args:
        group: The process and its members.
        launch: How it was started.
        log: Its log, which is followed here.
        probe: Whether the engine answers for its model.
        load_timeout: Seconds from now to ready.
        opened: Called when the port accepts, and is ours.
        answered: Called when the probe has said yes.
    """

    def __init__(
        self,
        group: Group,
        launch: Launch,
        log: RunLog,
        *,
        probe: Callable[[], Awaitable[bool]],
        load_timeout: float,
        opened: Callable[[], object],
        answered: Callable[[], object],
    ) -> None:
        self._group = group
        self._launch = launch
        self._log = log
        self._probe = probe
        self._load_timeout = load_timeout
        self._opened = opened
        self._answered = answered
        self._ready = False

    async def watch(self) -> Failure:
        """Watch until the process ends, or has to be ended; say why."""
        # In this order: if it has ended, that is what there is to say.
        watches = [
            asyncio.ensure_future(watch)
            for watch in (self._exit(), self._fatal_line(), self._come_up())
        ]
        pending = set(watches)
        try:
            while True:
                _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for watch in watches:
                    if watch.done() and (failure := watch.result()) is not None:
                        return failure
        finally:
            for watch in pending:
                watch.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _exit(self) -> Failure:
        code = await exited(self._group.leader)
        await asyncio.to_thread(self._log.read_all)
        last = next(filter(str.strip, reversed(self._log.tail(50))), "It ended without a word.")
        return Failure(
            kind="exited",
            detail=self._log.fatal_line or last,
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
        )

    async def _fatal_line(self) -> Failure:
        while self._log.fatal_line is None:
            more = await asyncio.to_thread(self._log.read)
            if not more:
                await asyncio.sleep(_IDLE_PAUSE if self._ready else _BUSY_PAUSE)
        return Failure(kind="fatal_line", detail=self._log.fatal_line)

    async def _come_up(self) -> Failure | None:
        host, port = self._launch.host, self._launch.port
        try:
            async with asyncio.timeout(self._load_timeout):
                while not await ports.answers(host, port):  # noqa: ASYNC110  it sends no word
                    await asyncio.sleep(_BUSY_PAUSE)
                if not await asyncio.to_thread(self._group.listens, port):
                    return await asyncio.to_thread(port_taken, port)
                self._opened()
                while not await self._says_yes():  # noqa: ASYNC110  the same
                    await asyncio.sleep(_BUSY_PAUSE)
        except TimeoutError:
            detail = f"Not ready after {self._load_timeout:g} seconds."
            return Failure(kind="timeout", detail=detail)
        self._ready = True
        self._log.forgive()
        self._answered()
        # So that children in sessions of their own are known should the leader die unseen.
        await asyncio.to_thread(self._group.living)
        return None

    async def _says_yes(self) -> bool:
        try:
            return await self._probe()
        except OSError:  # refused, reset, timed out: not yet
            return False
