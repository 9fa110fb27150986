"""The commands that make an environment: uv's where there is uv, else those of venv and pip."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from mlx_manager_jupyter.adapters.environments import pythons
from mlx_manager_jupyter.errors import InstallFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlx_manager_jupyter.adapters.environments.recipes import Recipe

Choice = Literal["auto", "uv", "pip"]

_REPORT = "newest.json"


class Builder(Protocol):
    """Command lines, and how their answers are read."""

    name: str

    def create(self, folder: Path, recipe: Recipe) -> list[str]:
        """Make an empty environment. Blocks while it looks for a Python.

        Raises:
            InstallFailed: there is none that the engine accepts.
        """

    def ask_newest(self, folder: Path, distribution: str) -> list[str]:
        """Find out the newest version that this environment's Python can have."""

    def newest(self, folder: Path, distribution: str, lines: Sequence[str]) -> str | None:
        """The version of such an answer; None if it says none."""

    def install(self, folder: Path, requirements: Sequence[str]) -> list[str]:
        """Install into the environment."""


class Uv:
    """uv: seconds where pip takes minutes, and it brings a Python if there is none."""

    name = "uv"

    def __init__(self, program: str) -> None:
        self._uv = program

    def create(self, folder: Path, recipe: Recipe) -> list[str]:
        """Make an empty environment; uv looks for the Python, or fetches it."""
        python = pythons.accepted(recipe)
        if python is None and recipe.pythons:
            python = ".".join(map(str, recipe.pythons[0]))
        return [self._uv, "venv", "--no-progress", "--python", str(python), str(folder)]

    def ask_newest(self, folder: Path, distribution: str) -> list[str]:
        """Ask for it without its dependencies, which may keep the solver from the newest."""
        return [*self._install(folder), "--dry-run", "--no-deps", distribution]

    def newest(self, folder: Path, distribution: str, lines: Sequence[str]) -> str | None:
        """``+ mlx-lm==0.32.2`` in what it says."""
        del folder
        sought = re.compile(rf"\+ {re.escape(distribution)}==(\S+)")
        return next((found[1] for line in lines if (found := sought.search(line))), None)

    def install(self, folder: Path, requirements: Sequence[str]) -> list[str]:
        """Install into the environment."""
        return [*self._install(folder), *requirements]

    def _install(self, folder: Path) -> list[str]:
        python = str(folder / "bin" / "python")
        return [self._uv, "pip", "install", "--no-progress", "--python", python]


class Pip:
    """venv and pip: every Python has them."""

    name = "pip"

    def create(self, folder: Path, recipe: Recipe) -> list[str]:
        """Make an empty environment with pip in it."""
        python = pythons.accepted(recipe)
        if python is None:
            raise pythons.missing(recipe)
        return [python, "-m", "venv", str(folder)]

    def ask_newest(self, folder: Path, distribution: str) -> list[str]:
        """Ask for it without its dependencies, which may keep the solver from the newest."""
        report = ["--dry-run", "--no-deps", "--report", str(folder / _REPORT)]
        return [*self._install(folder), *report, distribution]

    def newest(self, folder: Path, distribution: str, lines: Sequence[str]) -> str | None:
        """The version that the report names."""
        del lines, distribution
        try:
            told = json.loads((folder / _REPORT).read_bytes())
            version = told["install"][0]["metadata"]["version"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return version if isinstance(version, str) else None

    def install(self, folder: Path, requirements: Sequence[str]) -> list[str]:
        """Install into the environment."""
        return [*self._install(folder), *requirements]

    def _install(self, folder: Path) -> list[str]:
        options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
        return [str(folder / "bin" / "python"), "-m", "pip", "install", *options]


def builder(choice: Choice = "auto") -> Builder:
    """The one to use.

    Raises:
        InstallFailed: uv is asked for and is not here.
    """
    uv = None if choice == "pip" else _uv()
    if uv:
        return Uv(uv)
    if choice == "uv":
        raise InstallFailed(
            "uv is not here.", "Install it, or leave c.EngineManager.installer at 'auto'."
        )
    return Pip()


def _uv() -> str | None:
    """On PATH, or beside this Python: a Jupyter started by its path has no PATH of its own."""
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or shutil.which(beside)
