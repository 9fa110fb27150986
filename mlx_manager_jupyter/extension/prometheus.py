"""Our figures in Jupyter's own ``/metrics``, for Prometheus.

A scrape measures nothing: it tells the last sample and the counters. Names and units follow
https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from mlx_manager_jupyter.services.metrics import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from mlx_manager_jupyter.schema import Metrics, ServerLoad
    from mlx_manager_jupyter.services.metrics import Counts, MetricsManager, Traffic

LABELS = ("server", "model", "engine")

#: Of one server, as it was last measured: name, help, and what of its load it is.
GAUGES: tuple[tuple[str, str, Callable[[ServerLoad], float | None]], ...] = (
    (
        "mlx_manager_server_memory_bytes",
        "Memory that the processes of a server hold, that of the GPU included.",
        lambda load: load.memory_bytes,
    ),
    (
        "mlx_manager_server_cpu_ratio",
        "Processor time of a server by time: 1 for each core that is busy.",
        lambda load: None if load.cpu_percent is None else load.cpu_percent / 100,
    ),
    (
        "mlx_manager_tokens_per_second",
        "Tokens that a server answered in the last second.",
        lambda load: load.tokens_per_second,
    ),
)

#: Of one server at this very moment.
LIVE: tuple[tuple[str, str, Callable[[Traffic], float]], ...] = (
    (
        "mlx_manager_requests_in_flight",
        "Requests that a server answers at this moment.",
        lambda traffic: traffic.in_flight,
    ),
    (
        "mlx_manager_requests_queued",
        "Requests that wait for their turn at a server.",
        lambda traffic: traffic.queued,
    ),
)

#: Of one server since the extension started.
COUNTERS: tuple[tuple[str, str, Callable[[Counts], float]], ...] = (
    (
        "mlx_manager_requests",
        "Requests to a server that have ended, however.",
        lambda counts: counts.requests,
    ),
    (
        "mlx_manager_tokens",
        "Tokens of the answers that have ended.",
        lambda counts: counts.tokens,
    ),
    (
        "mlx_manager_prompt_tokens",
        "Tokens of the prompts of requests that have ended.",
        lambda counts: counts.prompt_tokens,
    ),
)


class Figures:
    """What `prometheus_client` asks at each scrape; in its registry from `open` to `close`."""

    def __init__(self, metrics: MetricsManager) -> None:
        self._metrics = metrics
        self._open = False

    def open(self) -> None:
        """Be asked from now on."""
        REGISTRY.register(self)
        self._open = True

    def close(self) -> None:
        """Be asked no more. May be called twice."""
        if self._open:
            self._open = False
            REGISTRY.unregister(self)

    def describe(self) -> list[Metric]:
        """No names to be kept from others: a second extension in this process has the same."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Everything, as it is known."""
        recent = self._metrics.recent
        if recent:
            yield from _of_machine(recent)
            yield from self._of_servers(recent)
        yield from self._counted()

    def _of_servers(self, sample: Metrics) -> Iterator[Metric]:
        for name, words, of in GAUGES:
            family = GaugeMetricFamily(name, words, labels=LABELS)
            for labels in self._metrics.counted:
                load = sample.servers.get(labels[0])
                if load and (value := of(load)) is not None:
                    family.add_metric(labels, value)
            yield family

    def _counted(self) -> Iterator[Metric]:
        traffic = self._metrics.counted
        for name, words, now in LIVE:
            live = GaugeMetricFamily(name, words, labels=LABELS)
            for labels, each in traffic.items():
                live.add_metric(labels, now(each))
            yield live
        for name, words, of in COUNTERS:
            family = CounterMetricFamily(name, words, labels=LABELS)
            for labels, each in traffic.items():
                family.add_metric(labels, of(each.counts))
            yield family
        errors = CounterMetricFamily(
            "mlx_manager_request_errors",
            "Requests to a server that ended in an error, by its code.",
            labels=(*LABELS, "code"),
        )
        first = HistogramMetricFamily(
            "mlx_manager_first_token_seconds",
            "Seconds from asking a server to its first token.",
            labels=LABELS,
        )
        ends = [*map(str, BUCKETS), "+Inf"]
        for labels, each in traffic.items():
            for code, number in tuple(each.counts.errors.items()):
                errors.add_metric((*labels, code), number)
            within = list(zip(ends, accumulate(each.counts.buckets), strict=True))
            first.add_metric(labels, within, each.counts.first_token_sum)
        yield errors
        yield first


def _of_machine(sample: Metrics) -> Iterator[Metric]:
    memory = sample.memory
    yield GaugeMetricFamily(
        "mlx_manager_memory_bytes",
        "Memory of the machine, or what all servers together may take of it.",
        value=memory.total_bytes,
    )
    yield GaugeMetricFamily(
        "mlx_manager_memory_available_bytes",
        "Memory that can be had without swapping.",
        value=memory.available_bytes,
    )
    if sample.cpu_percent is not None:
        yield GaugeMetricFamily(
            "mlx_manager_cpu_ratio",
            "Processor time of the machine by time: 1 when every core is busy.",
            value=sample.cpu_percent / 100,
        )
