"""What only a repo's own files can tell, asked for one model at a time and remembered."""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.hub.patterns import wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlx_manager_jupyter.adapters.hub import Hub
    from mlx_manager_jupyter.services.models.rows import Reader, Row

#: Models remembered; a chat template and a config are some 20 kB.
KEPT = 1000

#: Seconds after which a model's own page is asked for again.
FRESH = 3600.0

#: Seconds that a search waits for the details of its rows, and how many it asks for at once.
PATIENCE, AT_ONCE = 8.0, 6

_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


class DetailsKeeper:
    """Asks the Hub for a model's files and facts; two who ask for the same model wait for one."""

    def __init__(self, hub: Hub, reader: Reader) -> None:
        self._hub = hub
        self._reader = reader
        self._known: OrderedDict[str, tuple[float, Row]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Row]] = {}

    def known(self, model: str) -> Row | None:
        """What was learnt before, however old."""
        kept = self._known.get(model)
        return kept[1] if kept else None

    async def get(self, model: str) -> Row:
        """A model of the Hub.

        Raises:
            HubFailed, UnknownModel: what the Hub says.
        """
        kept = self._known.get(model)
        if kept and time.monotonic() - kept[0] < FRESH:
            return kept[1]
        if model not in self._asking:
            self._asking[model] = asyncio.create_task(self._ask(model))
        # Whoever stops waiting must not stop it for the others; it has a time-out of its own.
        return await asyncio.shield(self._asking[model])

    async def learn(self, models: Sequence[str]) -> None:
        """Ask for several, and wait a little; what does not come stays unknown."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(model: str) -> None:
            async with turns:
                await self.get(model)

        tasks = [asyncio.create_task(one(model)) for model in models]
        if tasks:
            done, late = await asyncio.wait(tasks, timeout=PATIENCE)
            for task in late:
                task.cancel()
            for task in done:
                task.exception()  # known as unknown: a row says less then

    async def close(self) -> None:
        """Ask no more."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def _ask(self, model: str) -> Row:
        try:
            details = await self._hub.details(model)
            files = wanted(details.files)
            row = await asyncio.to_thread(self._reader.details, details, files)
            self._known[model] = time.monotonic(), row
            self._known.move_to_end(model)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
            return row
        finally:
            del self._asking[model]


def is_repo_id(text: str) -> bool:
    """Whether it can be the full id of a repo, rather than loose words."""
    return bool(_REPO_ID.fullmatch(text)) and ".." not in text
