"""The profiles as a widget: the same view as the sidebar's, with the form in the list's place."""

from __future__ import annotations

from mlx_manager_jupyter.widgets.base import built
from mlx_manager_jupyter.widgets.panel import Panel


class ProfilesPanel(Panel):
    """Profiles, live: make, edit, start and stop, duplicate, rename, export, import, delete."""

    _esm = built("profiles_panel.js")
    _css = built("profiles_panel.css")
