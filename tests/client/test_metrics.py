"""``client.metrics``: what is asked, as the extension reads it."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.schema import MetricsQuery
from tests.client.stand_in import MEMORY, listening, write_connection

if TYPE_CHECKING:
    from pathlib import Path

HISTORY = {
    "step_seconds": 1.0,
    "times": [1.5, 2.5],
    "total_bytes": 8,
    "servers": {"tiny": {"memory_bytes": [None, 5.0]}},
}
NOW = {"time": "2026-01-31T14:00:00Z", "memory": MEMORY, "servers": {"tiny": {"requests": 3}}}
AHEAD = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (None, {}),
        (MetricsQuery(step=10), {"step": ["10"]}),
        (
            MetricsQuery(since=datetime(2026, 1, 31, 14, tzinfo=UTC), step=1),
            {"since": ["2026-01-31T14:00:00Z"], "step": ["1"]},
        ),
        (
            MetricsQuery(since=datetime(2026, 1, 31, 23, tzinfo=AHEAD)),
            {"since": ["2026-01-31T23:00:00+09:00"]},
        ),
    ],
)
def test_the_query_arrives_whole(
    tmp_path: Path, query: MetricsQuery | None, asked: dict[str, Any]
) -> None:
    with listening(lambda request: request.json(HISTORY)) as door:
        file = write_connection(tmp_path / "connection.json", door.url)
        with closing(Client(lambda: read(file))) as client:
            got = client.metrics.past(query)
    assert got.times == (1.5, 2.5)
    assert got.servers["tiny"]["memory_bytes"] == (None, 5.0)
    assert parse_qs(urlsplit(door.log[0].path).query) == asked
    assert urlsplit(door.log[0].path).path == "/mlx-manager/api/metrics"


def test_now(tmp_path: Path) -> None:
    with listening(lambda request: request.json(NOW)) as door:
        file = write_connection(tmp_path / "connection.json", door.url)
        with closing(Client(lambda: read(file))) as client:
            assert client.metrics.now().servers["tiny"].requests == 3
    assert door.asked == ["GET /mlx-manager/api/metrics/now"]
