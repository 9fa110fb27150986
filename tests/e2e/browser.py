"""Chromium for the tests, and a JupyterLab that behaves the same on every machine."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from tests.fixtures.jupyter import Jupyter

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Playwright

#: No sandbox: containers have none to give. The rest keeps it from calling home.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-quic", "--disable-sync"),
)
#: No news pop-up; and cells below the fold are in the page like all others.
SETTINGS: dict[str, dict[str, Any]] = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"


def launch(playwright: Playwright) -> Browser:
    """Start the browser that ``MLX_TEST_CHROMIUM`` names, else Debian's."""
    path = os.environ.get("MLX_TEST_CHROMIUM", "/usr/bin/chromium")
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


def jupyterlab(folder: Path, **options: Any) -> Jupyter:
    """A JupyterLab, to be started, that keeps all it writes below ``folder``."""
    settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab"
    for name, content in SETTINGS.items():
        file = (settings / name).with_suffix(".jupyterlab-settings")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), "utf-8")
    return Jupyter(
        folder,
        command=("lab",),
        # Lets a page be asked what its kernel does.
        options=("--LabApp.expose_app_in_browser=True",),
        **{"engine": None, **options},
    )
