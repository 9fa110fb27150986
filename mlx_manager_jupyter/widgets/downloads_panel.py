"""All downloads as a widget: the same view as the sidebar's."""

from __future__ import annotations

from mlx_manager_jupyter.widgets.base import built
from mlx_manager_jupyter.widgets.panel import Panel


class DownloadsPanel(Panel):
    """Downloads, live: how far each is, with pause, resume and cancel."""

    _esm = built("downloads_panel.js")
    _css = built("downloads_panel.css")
