"""What a table says of metrics: those of now, and those of some time.

Pure, without IPython: the command line uses it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook.table import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlx_manager_jupyter.schema import Metrics, MetricsHistory
    from mlx_manager_jupyter.schema.metrics import Points

#: What is said of all servers together, if there are several.
TOTAL = "total"


def now_columns(metrics: Metrics) -> list[Column]:
    """A row for each server, and one for all if there are several."""
    loads = dict(sorted(metrics.servers.items()))
    names, rows = list(loads), list(loads.values())
    if len(rows) > 1:
        names, rows = [*names, TOTAL], [*rows, metrics.total]

    def column(title: str, cells: Iterable[str], rank: int = 0) -> Column:
        return Column(title, list(cells), rank=rank, right=True)

    return [
        Column("server", names),
        column("memory", (_memory(each.memory_bytes) for each in rows)),
        column("CPU", (_share(each.cpu_percent) for each in rows), 4),
        column("tokens/s", (_rate(each.tokens_per_second) for each in rows)),
        column("in flight", (str(each.in_flight) for each in rows), 2),
        column("queued", (str(each.queued) for each in rows), 5),
        column("first token", (_seconds(each.first_token_p50) for each in rows), 1),
        column("95% within", (_seconds(each.first_token_p95) for each in rows), 6),
        column("requests", (f"{each.requests:,}" for each in rows), 3),
        column("errors", (f"{each.errors:,}" for each in rows), 3),
        column("tokens", (f"{each.tokens:,}" for each in rows), 7),
    ]


def past_columns(history: MetricsHistory) -> list[Column]:
    """The same of some time: the highest of what there is a limit for, the mean of rates."""
    groups: Mapping[str, Mapping[str, Points]] = dict(sorted(history.servers.items()))
    if len(groups) > 1:
        groups = {**groups, TOTAL: history.total}

    def column(
        title: str,
        name: str,
        of: Callable[[list[float]], float],
        show: Callable[[float | None], str],
        rank: int = 0,
    ) -> Column:
        known = [[each for each in group[name] if each is not None] for group in groups.values()]
        cells = [show(of(values) if values else None) for values in known]
        return Column(title, cells, rank=rank, right=True)

    return [
        Column("server", list(groups)),
        column("memory, most", "memory_bytes", max, _memory),
        column("CPU, mean", "cpu_percent", _mean, _share, 3),
        column("tokens/s, mean", "tokens_per_second", _mean, _rate),
        column("most", "tokens_per_second", max, _rate),
        column("in flight, most", "in_flight", max, _count, 1),
        column("queued, most", "queued", max, _count, 2),
    ]


def machine(metrics: Metrics) -> str:
    """A line on the machine: ``12.1 GB free of 64.0 GB, 23% of the processor is busy``."""
    memory = metrics.memory
    free, whole = fmt.memory(memory.available_bytes), fmt.memory(memory.total_bytes)
    busy = _share(metrics.cpu_percent)
    return f"{free} free of {whole}{f', {busy} of the processor is busy' if busy else ''}"


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _memory(size: float | None) -> str:
    return fmt.memory(int(size)) if size else ""


def _share(percent: float | None) -> str:
    return "" if percent is None else f"{percent:.0f}%"


def _rate(rate: float | None) -> str:
    return fmt.rate(rate or 0.0).removesuffix(" tok/s")


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else fmt.seconds(seconds)


def _count(number: float | None) -> str:
    return f"{number or 0:.0f}"
