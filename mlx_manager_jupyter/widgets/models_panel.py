"""The models of this machine and of the Hub as a widget: the same view as the sidebar's."""

from __future__ import annotations

from traitlets import Enum

from mlx_manager_jupyter.widgets.base import built
from mlx_manager_jupyter.widgets.panel import Panel


class ModelsPanel(Panel):
    """Models, live: search, facts, fit; download, serve, verify and delete.

    Args:
        source: where to look at first: ``local`` or ``hub``.
    """

    _esm = built("models_panel.js")
    _css = built("models_panel.css")

    source = Enum(
        ("local", "hub"), default_value="local", help="Where the view looks at first."
    ).tag(sync=True)
