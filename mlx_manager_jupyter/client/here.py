"""What `doctor` looks at on this side: the environment that commands and notebooks run in."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from jupyter_core.paths import jupyter_config_path, jupyter_path

from mlx_manager_jupyter.schema import Check

PACKAGE = "mlx_manager_jupyter"
#: The name of the distribution, and of the panel.
LAB = "mlx-manager-jupyter"

_REINSTALL = "Install it into the environment that Jupyter runs in: pip install mlx-manager-jupyter"


def checks() -> list[Check]:
    """This environment, and whether Jupyter finds both extensions in it."""
    return [
        Check(
            name="command",
            state="ok",
            says=f"{version(LAB)}, Python {platform.python_version()} at {sys.executable}",
        ),
        _server_extension(),
        _lab_extension(),
    ]


def compared(running: str) -> list[Check]:
    """Whether the extension that answers is of the same version; nothing to say if it is."""
    mine = version(LAB)
    if running == mine:
        return []
    says = f"Jupyter runs {running}, this is {mine}"
    hint = "Install the same version in both environments, then restart Jupyter."
    return [Check(name="versions", state="warn", says=says, hint=hint)]


def _server_extension() -> Check:
    """As Jupyter decides: of all folders of settings, those named first win."""
    enabled: bool | None = None
    where = ""
    for folder in reversed(jupyter_config_path()):
        files = [*sorted(Path(folder).glob("jupyter_server_config.d/*.json"))]
        files.append(Path(folder, "jupyter_server_config.json"))
        for file in files:
            said = _read(file).get("ServerApp")
            extensions = said.get("jpserver_extensions") if isinstance(said, dict) else None
            if isinstance(extensions, dict) and PACKAGE in extensions:
                enabled, where = bool(extensions[PACKAGE]), str(file)
    if enabled:
        return Check(name="server extension", state="ok", says=f"enabled by {where}")
    if enabled is None:
        says, hint = "Jupyter is not told of it here", _REINSTALL
    else:
        says, hint = f"disabled by {where}", f"Run: jupyter server extension enable {PACKAGE}"
    return Check(name="server extension", state="fail", says=says, hint=hint)


def _lab_extension() -> Check:
    for folder in jupyter_path("labextensions"):
        package = Path(folder, LAB, "package.json")
        if not package.is_file():
            continue
        says = f"{_read(package).get('version')} at {package.parent}"
        if by := _disabled_by():
            hint = f"Run: jupyter labextension enable {LAB}"
            return Check(
                name="lab extension", state="warn", says=f"{says}, disabled by {by}", hint=hint
            )
        return Check(name="lab extension", state="ok", says=says)
    says = "JupyterLab has no panel in this environment"
    return Check(name="lab extension", state="warn", says=says, hint=_REINSTALL)


def _disabled_by() -> str | None:
    for folder in jupyter_config_path():
        file = Path(folder, "labconfig", "page_config.json")
        said = _read(file).get("disabledExtensions")
        if isinstance(said, dict) and LAB in said:
            return str(file) if said[LAB] else None
        if isinstance(said, list) and LAB in said:
            return str(file)
    return None


def _read(file: Path) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return content if isinstance(content, dict) else {}
