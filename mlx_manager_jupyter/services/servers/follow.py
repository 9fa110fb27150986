"""Following a server's log: from its start, live, and on into the next run after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.process import LogReader
from mlx_manager_jupyter.schema import LogLines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.registry import Registry

#: Seconds between two looks for new lines. Each viewer looks by itself: that is two `stat` calls,
#: and a thread only when something is there.
PAUSE = 0.2


async def follow(
    server: ManagedServer, registry: Registry, is_busy: Callable[[str], bool], lines: int | None
) -> AsyncIterator[LogLines]:
    """The lines of this run and of those that come after it, until none is to come.

    Args:
        server: whose log is wanted.
        registry: knows what its name means by now.
        is_busy: whether something is being done to the server of this name right now.
        lines: begin with so many of the last lines; with the first one if None.
    """
    following: ManagedServer | None = server
    while following:
        async for came in _run(following, registry, lines):
            yield came
        following, lines = await _successor(following, registry, is_busy), None


async def _run(
    server: ManagedServer, registry: Registry, lines: int | None
) -> AsyncIterator[LogLines]:
    name, run = server.name, server.stored.run
    if not server.stored.log:  # on somebody else's machine, or never started
        yield LogLines(name=name, run=run, begins=True)
        return
    reader = LogReader(Path(server.stored.log), lines)
    begins, more = True, True
    while True:
        # Asked before reading, so that nothing is missed that was written before the end.
        ended = server.ended or registry.find(name) is not server
        if more or reader.has_news():
            came, more = await asyncio.to_thread(reader.read)
            if came or begins:
                yield LogLines(name=name, run=run, begins=begins, lines=tuple(came))
                begins = False
        if more:
            continue
        if ended:
            break
        await asyncio.sleep(PAUSE)
    if rest := reader.rest():
        yield LogLines(name=name, run=run, lines=tuple(rest))


async def _successor(
    server: ManagedServer, registry: Registry, is_busy: Callable[[str], bool]
) -> ManagedServer | None:
    """The next run of the same server; None when there will be none."""
    while (found := registry.find(server.name)) is server:
        waits = server.will_retry and not server.stored.base_url
        if not (waits or is_busy(server.name)):
            return None
        await asyncio.sleep(PAUSE)
    return found
