"""What only a repo's own files can tell, asked for one model at a time and remembered."""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from msgspec import Struct

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

#: Rows of one search whose details are asked for: more than a screen shows nobody waits for.
AT_MOST = 100

_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


class _Question(Struct):
    """What is being asked for."""

    answer: asyncio.Task[Row]
    waiting: int = 0


class DetailsKeeper:
    """Asks the Hub for a model's files and facts; two who ask for the same model wait for one."""

    def __init__(self, hub: Hub, reader: Reader) -> None:
        self._hub = hub
        self._reader = reader
        self._known: OrderedDict[str, tuple[float, Row]] = OrderedDict()
        self._asking: dict[str, _Question] = {}

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
            self._asking[model] = _Question(asyncio.create_task(self._ask(model)))
        question = self._asking[model]
        question.waiting += 1
        try:
            # Whoever stops waiting does not stop it for the others; the last one does.
            return await asyncio.shield(question.answer)
        finally:
            question.waiting -= 1
            if not question.waiting:
                self._asking.pop(model, None)
                question.answer.cancel()

    async def learn(self, models: Sequence[str]) -> None:
        """Ask for several, and wait a little; what does not come stays unknown."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(model: str) -> None:
            async with turns:
                await self.get(model)

        tasks = [asyncio.create_task(one(model)) for model in models[:AT_MOST]]
        if not tasks:
            return
        try:
            await asyncio.wait(tasks, timeout=PATIENCE)
        finally:  # the one who asked may be gone
            for task in tasks:
                task.cancel()
            # What failed is known as unknown: a row says less then.
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Ask no more."""
        tasks = [question.answer for question in self._asking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, model: str) -> Row:
        details = await self._hub.details(model)
        files = wanted(details.files)
        row = await asyncio.to_thread(self._reader.details, details, files)
        self._known[model] = time.monotonic(), row
        self._known.move_to_end(model)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return row


def is_repo_id(text: str) -> bool:
    """Whether it can be the full id of a repo, rather than loose words."""
    return bool(_REPO_ID.fullmatch(text)) and ".." not in text
