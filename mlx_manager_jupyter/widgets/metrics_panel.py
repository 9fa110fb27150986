"""Figures over time as a widget: the same view as the tab's in JupyterLab."""

from __future__ import annotations

from mlx_manager_jupyter.widgets.base import built
from mlx_manager_jupyter.widgets.panel import Panel


class MetricsPanel(Panel):
    """Tokens per second, memory and first tokens, live and of the last day, with a table."""

    _esm = built("metrics_panel.js")
    _css = built("metrics_panel.css")
