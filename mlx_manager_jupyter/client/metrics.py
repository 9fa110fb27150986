"""``client.metrics``: what the machine and the servers do, and did."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from mlx_manager_jupyter.schema import Metrics, MetricsHistory, MetricsQuery

if TYPE_CHECKING:
    from mlx_manager_jupyter.client.client import Client


class MetricsCalls:
    """``client.metrics``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def now(self) -> Metrics:
        """What is true at this moment."""
        return self._client.call("GET", "metrics/now", Metrics)

    def past(self, query: MetricsQuery | None = None) -> MetricsHistory:
        """What was sampled: the last 15 minutes, unless the query says since when."""
        given = msgspec.to_builtins(query or MetricsQuery())
        wanted = urlencode({name: value for name, value in given.items() if value is not None})
        return self._client.call("GET", f"metrics?{wanted}", MetricsHistory)
