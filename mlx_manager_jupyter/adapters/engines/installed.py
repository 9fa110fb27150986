"""Finding engines on this machine, and asking them which flags they have."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import EngineMissing

if TYPE_CHECKING:
    from mlx_manager_jupyter.adapters.engines.base import Engine

#: Seconds for ``--help``: 1.5 to 6 s were measured, as it imports the engine.
HELP_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Installation:
    """An engine that was found."""

    command: tuple[str, ...]


def find(engine: Engine, configured: str | None = None) -> Installation:
    """Find the engine: a configured path, then this environment, then ``PATH``.

    Raises:
        EngineMissing: with the command that installs it.
    """
    if configured:
        path = Path(configured).expanduser()
        if not (path.is_file() and os.access(path, os.X_OK)):
            message = f"The configured {engine.kind} is not an executable file: {path}"
            raise EngineMissing(message, "Correct c.MLXManager.engine_paths.")
        return Installation((str(path),))
    beside = Path(sys.executable).with_name(engine.executable)
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which(engine.executable)
    if not found:
        message = f"The engine {engine.kind} is not installed."
        raise EngineMissing(message, f"Install it beside Jupyter: {engine.install_hint}")
    return Installation((found,))


def known_flags(installation: Installation) -> frozenset[str]:
    """The long options that the installed version's own ``--help`` lists (blocking, cached).

    Raises:
        EngineMissing: when the engine can't even print its help.
    """
    path = Path(installation.command[0])
    return _flags(installation.command, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _flags(command: tuple[str, ...], _modified: int) -> frozenset[str]:
    try:
        shown = subprocess.run(
            [*command, "--help"], capture_output=True, text=True, timeout=HELP_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        message = f"{command[0]} --help does not work: {error}"
        raise EngineMissing(message, "Install the engine again.") from error
    return frozenset(re.findall(r"--[a-z][a-z0-9-]*", shown.stdout))
