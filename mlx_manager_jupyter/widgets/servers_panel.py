"""The running servers as a widget: the same view as the sidebar's, in any notebook front end."""

from __future__ import annotations

from mlx_manager_jupyter.widgets.base import built
from mlx_manager_jupyter.widgets.panel import Panel


class ServersPanel(Panel):
    """Running servers, live: memory, speed, logs, stop and restart."""

    _esm = built("servers_panel.js")
    _css = built("servers_panel.css")
