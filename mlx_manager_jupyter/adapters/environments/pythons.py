"""A Python that the engine accepts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import InstallFailed

if TYPE_CHECKING:
    from mlx_manager_jupyter.adapters.environments.recipes import Recipe

#: Seconds. Version managers put programs on PATH that take their time, or fail.
ASK_SECONDS = 20.0

_ASK = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"


def accepted(recipe: Recipe) -> str | None:
    """A Python on this machine that can make the environment (blocking); None if there is none.

    Ours comes first: it is there, and it works.
    """
    ours = sys.version_info[:2]
    if recipe.pythons is None or ours in recipe.pythons:
        return sys.executable
    for major, minor in recipe.pythons:
        found = shutil.which(f"python{major}.{minor}")
        if found and _version_of(found) == f"{major}.{minor}":
            return found
    return None


def missing(recipe: Recipe) -> InstallFailed:
    """There is none."""
    names = " or ".join(f"{major}.{minor}" for major, minor in recipe.pythons or ())
    return InstallFailed(
        f"{recipe.kind} needs Python {names}, and this machine has none that works.",
        "Install one (macOS: brew install python@3.12; Debian, Ubuntu: apt install python3.12-venv)"
        " or install uv, which brings its own.",
    )


def _version_of(python: str) -> str | None:
    try:
        asked = subprocess.run(
            [python, "-c", _ASK], capture_output=True, text=True, timeout=ASK_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None
