"""A part of the history as the record that is asked for. Takes its time: for a thread."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlx_manager_jupyter.schema import MetricsHistory
from mlx_manager_jupyter.services.metrics.history import (
    SERVER_COLUMNS,
    SYSTEM,
    SYSTEM_COLUMNS,
    TOTAL,
)

if TYPE_CHECKING:
    from array import array

    from mlx_manager_jupyter.schema.metrics import Points
    from mlx_manager_jupyter.services.metrics.history import Cut
    from mlx_manager_jupyter.services.metrics.series import Columns

#: Decimals that mean something; what is behind them came with 32 bits. Of all others: none.
DECIMALS = {
    "cpu_percent": 1,
    "tokens_per_second": 2,
    "first_token_p50": 4,
    "first_token_p95": 4,
}


def answer(cut: Cut, total_bytes: int) -> MetricsHistory:
    """The record; ``total_bytes`` is the memory that servers may take."""
    servers = {name: of for name, of in cut.columns.items() if name not in (SYSTEM, TOTAL)}
    return MetricsHistory(
        step_seconds=cut.step_seconds,
        times=tuple(cut.times),
        total_bytes=total_bytes,
        system=_named(SYSTEM_COLUMNS, cut.columns.get(SYSTEM)),
        total=_named(SERVER_COLUMNS, cut.columns.get(TOTAL)),
        servers={name: _named(SERVER_COLUMNS, of) for name, of in sorted(servers.items())},
    )


def _named(names: tuple[str, ...], columns: Columns | None) -> dict[str, Points]:
    if columns is None:
        return {}
    return {
        name: _points(column, DECIMALS.get(name, 0))
        for name, column in zip(names, columns, strict=True)
    }


def _points(column: array[float], decimals: int) -> Points:
    return tuple(None if math.isnan(value) else round(value, decimals) for value in column)
