"""The history as a DataFrame. It imports pandas, so it is itself imported on use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from mlx_manager_jupyter.notebook.metrics_rows import TOTAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlx_manager_jupyter.schema import MetricsHistory
    from mlx_manager_jupyter.schema.metrics import Points

#: In the order in which they are shown; every column that is none of a server's is the machine's.
MEASURES = (
    "memory_bytes",
    "cpu_percent",
    "in_flight",
    "queued",
    "tokens_per_second",
    "first_token_p50",
    "first_token_p95",
)
SYSTEM = ("used_bytes", "available_bytes", "cpu_percent")


def frame(history: MetricsHistory) -> pd.DataFrame:
    """A row for each moment and server, and one for all of them together."""
    moments = [round(time * 1000) for time in history.times]
    index = pd.to_datetime(moments, unit="ms", utc=True).as_unit("ns").rename("time")
    system = _columns(history.system, SYSTEM, index).add_prefix("system_")
    parts: list[pd.DataFrame] = []
    for name, columns in {**history.servers, TOTAL: history.total}.items():
        # Where nothing is known the server was not there.
        part = _columns(columns, MEASURES, index).dropna(how="all")
        part.insert(0, "server", name)
        parts.append(part)
    # Older versions warn of parts that are empty.
    whole = (
        pd.concat([part for part in parts if len(part)] or parts[:1])
        .sort_index(kind="stable")
        .join(system)
    )
    whole["server"] = whole["server"].astype("category")
    whole.attrs = {"total_bytes": history.total_bytes, "step_seconds": history.step_seconds}
    return whole


def _columns(
    columns: Mapping[str, Points], names: tuple[str, ...], index: pd.DatetimeIndex
) -> pd.DataFrame:
    return pd.DataFrame({name: columns.get(name) for name in names}, index=index, dtype=float)
