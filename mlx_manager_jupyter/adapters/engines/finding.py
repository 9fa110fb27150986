"""Finding engines on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines.installed import Installation
from mlx_manager_jupyter.adapters.engines.places import version_of
from mlx_manager_jupyter.errors import EngineMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.adapters.engines.base import Engine
    from mlx_manager_jupyter.schema.engines import EngineSource

#: In the folder of managed engines: what their help said.
NOTES = ".help"


def find(
    engine: Engine, configured: str | None = None, managed: Path | None = None
) -> Installation:
    """The installation that runs models.

    A configured path wins, then an environment that we made, then that of this Python, then
    ``PATH``, then uv's tools.

    Args:
        engine: which.
        configured: path of its program.
        managed: folder of the environments that we make.

    Raises:
        EngineMissing: with the command that installs it.
    """
    for found in _found(engine, configured, managed):
        return found
    message = f"The engine {engine.kind} is not installed."
    raise EngineMissing(message, f"Install it: {engine.install_hint}")


def find_all(
    engine: Engine, configured: str | None = None, managed: Path | None = None
) -> tuple[Installation, ...]:
    """Every installation, the one that runs models first; none if there is none.

    Raises:
        EngineMissing: the configured path is no program.
    """
    found: dict[str, Installation] = {}
    for one in _found(engine, configured, managed):
        found.setdefault(os.path.realpath(one.path) if one.path else "", one)
    return tuple(found.values())


def installed_at(
    engine: Engine,
    path: str | Path,
    source: EngineSource = "configured",
    managed: Path | None = None,
) -> Installation:
    """The installation whose program is here; the arguments are those of `find`."""
    path = Path(path)
    return Installation(
        kind=engine.kind,
        command=(str(path), *engine.subcommand),
        version=_version(path, engine.distribution, _changed(path)),
        source=source,
        notes=managed / NOTES if managed else None,
    )


@lru_cache(maxsize=64)
def _version(path: Path, distribution: str, _changed: int) -> str | None:
    """Installers write the program anew, even if it is the same in another version."""
    return version_of(path, distribution)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _found(engine: Engine, configured: str | None, managed: Path | None) -> Iterator[Installation]:
    if not engine.executable:
        yield Installation(engine.kind, (), source="built-in")
        return
    if configured:
        path = Path(configured).expanduser()
        if not (path.is_file() and os.access(path, os.X_OK)):
            message = f"The configured {engine.kind} is not an executable file: {path}"
            raise EngineMissing(message, "Correct c.MLXManager.engine_paths.")
        yield installed_at(engine, path, "configured", managed)
    for program, source in _places(engine, managed):
        if program.is_file() and os.access(program, os.X_OK):
            yield installed_at(engine, program, source, managed)


def _places(engine: Engine, managed: Path | None) -> Iterator[tuple[Path, EngineSource]]:
    if managed:
        # Resolved, so that what runs is named by its version, whatever is current by then.
        yield (managed / engine.kind / "current").resolve() / "bin" / engine.executable, "managed"
    yield Path(sys.executable).with_name(engine.executable), "environment"
    if on_path := shutil.which(engine.executable):
        yield Path(on_path), "path"
    yield _uv_tools() / engine.distribution / "bin" / engine.executable, "uv-tool"


def _uv_tools() -> Path:
    """Where uv keeps its tools, by the same variables as uv."""
    if folder := os.environ.get("UV_TOOL_DIR"):
        return Path(folder).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "uv" / "tools"
