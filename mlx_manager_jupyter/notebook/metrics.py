"""``metrics``: what the machine and the servers did, as a DataFrame, and what they do now."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.errors import InvalidValue
from mlx_manager_jupyter.notebook.display import listing
from mlx_manager_jupyter.notebook.errors import short_errors
from mlx_manager_jupyter.notebook.metrics_rows import machine, now_columns
from mlx_manager_jupyter.notebook.moments import moment
from mlx_manager_jupyter.schema import MetricsQuery

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    import pandas as pd

    from mlx_manager_jupyter.notebook.display import Bundle
    from mlx_manager_jupyter.schema import Metrics


class Now:
    """One sample, that shows itself as a table."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics

    def __repr__(self) -> str:
        return self._bundle()["text/plain"]

    def _repr_html_(self) -> str:
        return self._bundle()["text/html"]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ANN401, ARG002, FBT001  IPython's
        printer.text(repr(self))

    def _bundle(self) -> Bundle:
        about = machine(self.metrics)
        if not self.metrics.servers:
            nothing = f"No server runs. {about}."
            return {"text/html": f"<p>{escape(nothing)}</p>", "text/plain": nothing}
        columns = now_columns(self.metrics)
        return listing(columns, lambda column, row: escape(column.cells[row]), [about])


@short_errors
def metrics(since: str | datetime | timedelta | None = None) -> pd.DataFrame:
    """What the servers and the machine did: memory, processor, tokens per second, first tokens.

    It is sampled once a second while there is a server, and remembered for 15 minutes; for a day,
    ten seconds at a time: the highest memory and number of requests, the mean of rates.
    ``metrics("1h").pivot(columns="server", values="tokens_per_second").plot()`` draws a line for
    each server.

    Args:
        since: ``"1h"`` for the last hour, a time such as ``"2026-01-31 14:00"``, a datetime or a
            timedelta; by default the last 15 minutes.

    Returns:
        A row for each moment (the index) and server, ``"total"`` for all of them together. Columns
        that begin with ``system_`` are of the machine, the same in each row of a moment.

    Raises:
        ExtensionUnreachable: no Jupyter server with the extension answers.
        InvalidValue: ``since`` is no time.
    """
    from mlx_manager_jupyter.notebook.metrics_frame import frame  # noqa: PLC0415  pandas: slow

    try:
        begin = None if since is None else moment(since)
    except ValueError as error:
        raise InvalidValue(f"since: {error}.") from None
    return frame(shared_client().metrics.past(MetricsQuery(since=begin)))


def now() -> Now:
    """What they do at this moment."""
    return Now(shared_client().metrics.now())
