"""Something happened: how long until fifty viewers know, and what one that only looks costs.

A metrics sample carries the moment at which it was taken, and every viewer runs on this machine,
so the difference to a viewer's clock is the lag. It is the last viewer's that counts.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import psutil

from tests.bench.figures import Figure, percentile
from tests.fixtures.jupyter import Jupyter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

VIEWERS = 50
SECONDS = 15
#: Samples come once a second; the first second goes to connecting.
NOTE = "metrics.sampled"


def measure(folder: Path) -> Iterator[Figure]:
    """The budgets of the event stream."""
    with Jupyter(folder / "jupyter") as jupyter:
        for name, follow in (("WebSocket", _socket), ("SSE", _sse)):
            alone = asyncio.run(_lags(jupyter, follow, 1))
            many = asyncio.run(_lags(jupyter, follow, VIEWERS))
            for percent, word in ((50, "p50"), (100, "worst")):
                yield Figure(
                    name=f"event → the last of {VIEWERS} viewers by {name}, {word}",
                    ours=percentile(many, percent) * 1000,
                    unit="ms",
                    budget=20,
                    peers={"one viewer": percentile(alone, percent) * 1000},
                    samples=len(many),
                )
        yield from _idle(jupyter)


def _idle(jupyter: Jupyter) -> Iterator[Figure]:
    process = psutil.Process(jupyter.process.pid)

    def used() -> float:
        times = process.cpu_times()
        return times.user + times.system

    time.sleep(2)  # what the viewers before left to do
    before = used()
    time.sleep(SECONDS)
    nobody = (used() - before) / SECONDS
    before = used()
    asyncio.run(_lags(jupyter, _socket, 1))
    watched = (used() - before) / SECONDS
    yield Figure(
        name="an idle panel's share of a core",
        ours=max(0.0, watched - nobody) * 100,
        unit="%",
        budget=1,
        peers={"Jupyter without a viewer": nobody * 100},
    )


async def _lags(
    jupyter: Jupyter, follow: Callable[..., Coroutine[Any, Any, None]], viewers: int
) -> list[float]:
    """Seconds from each sample to the viewer who heard of it last; only what all heard."""
    heard: dict[str, list[float]] = defaultdict(list)

    def note(event: dict[str, object]) -> None:
        now = time.time()
        if event["type"] == NOTE:
            metrics = event["metrics"]
            assert isinstance(metrics, dict)
            heard[metrics["time"]].append(now)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        tasks = [asyncio.create_task(follow(session, jupyter, note)) for _ in range(viewers)]
        await asyncio.sleep(SECONDS)
        for task in tasks:
            assert not task.done(), task.exception()
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
    return [
        max(times) - datetime.fromisoformat(moment).timestamp()
        for moment, times in heard.items()
        if len(times) == viewers
    ]


async def _socket(
    session: aiohttp.ClientSession,
    jupyter: Jupyter,
    note: Callable[[dict[str, object]], None],
) -> None:
    url = f"{jupyter.url}mlx-manager/api/events?token={jupyter.token}"
    async with session.ws_connect(url) as socket:
        async for message in socket:
            for event in json.loads(message.data):
                note(event)


async def _sse(
    session: aiohttp.ClientSession,
    jupyter: Jupyter,
    note: Callable[[dict[str, object]], None],
) -> None:
    connection = json.loads(jupyter.connection_file.read_text("utf-8"))
    headers = {
        "Accept": "text/event-stream",
        "Authorization": f"Bearer {connection['token']}",
    }
    url = f"{connection['url']}mlx-manager/api/events"
    timeout = aiohttp.ClientTimeout(total=None)
    async with session.get(url, headers=headers, timeout=timeout) as response:
        async for line in response.content:
            if line.startswith(b"data: "):
                note(json.loads(line[6:]))
