"""``metrics``: what the machine and the servers do, and did."""

from __future__ import annotations

import asyncio

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from mlx_manager_jupyter.extension.base import RecordHandler
from mlx_manager_jupyter.schema import MetricsHistory, MetricsQuery

#: Points, of all columns together, that are written on the loop: about 100 kB.
FEW = 10_000


class MetricsHandler(RecordHandler):
    """``GET metrics``: the history, as columns."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """What was sampled since then."""
        history = await self.managers.metrics.past(self.query(MetricsQuery))
        await self.finish(await _written(history))


class NowHandler(RecordHandler):
    """``GET metrics/now``: one sample."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """What is true at this moment."""
        self.answer(await self.managers.metrics.now(servers=True))


async def _written(history: MetricsHistory) -> bytes:
    """The answer as JSON; a long one is written by a thread."""
    groups = (history.system, history.total, *history.servers.values())
    if sum(map(len, groups)) * len(history.times) <= FEW:
        return msgspec.json.encode(history)
    return await asyncio.to_thread(_in_pieces, history)


def _in_pieces(history: MetricsHistory) -> bytes:
    """Column by column: the encoder lets nobody else run meanwhile, and a day has 5 MB."""
    encode = msgspec.json.encode

    def group(columns: dict[str, tuple[float | None, ...]]) -> dict[str, msgspec.Raw]:
        return {name: msgspec.Raw(encode(points)) for name, points in columns.items()}

    raw = {
        "step_seconds": history.step_seconds,
        "times": msgspec.Raw(encode(history.times)),
        "total_bytes": history.total_bytes,
        "system": group(history.system),
        "total": group(history.total),
        "servers": {name: group(columns) for name, columns in history.servers.items()},
    }
    return encode(raw)


HANDLERS = [(r"/metrics", MetricsHandler), (r"/metrics/now", NowHandler)]
