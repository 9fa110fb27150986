"""The engines of this machine as records. Blocks: each engine is started once for its help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines import find
from mlx_manager_jupyter.adapters.environments import RECIPES, EngineFolder
from mlx_manager_jupyter.errors import EngineMissing
from mlx_manager_jupyter.schema import InstalledEngine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlx_manager_jupyter.adapters.engines import Engine
    from mlx_manager_jupyter.schema import EngineKind


class Looker:
    """Finds them."""

    def __init__(
        self, engines: Mapping[EngineKind, Engine], configured: Mapping[str, str], root: Path
    ) -> None:
        """Hand over what it needs.

        Args:
            engines: what is known of each.
            configured: paths of programs, by kind.
            root: folder of the environments that we made.
        """
        self._engines = engines
        self._configured = configured
        self._root = root

    def __call__(self) -> tuple[InstalledEngine, ...]:
        """All of them, those that are used first."""
        found = []
        for kind, engine in self._engines.items():
            if kind not in RECIPES:
                continue
            folder = EngineFolder(self._root, RECIPES[kind])
            if current := folder.current:
                previous = folder.previous
                found.append(
                    InstalledEngine(
                        kind=kind,
                        version=current.name,
                        path=str(folder.executable(current)),
                        source="managed",
                        selected=kind not in self._configured,
                        previous_version=previous.name if previous else None,
                    )
                )
            try:
                path = find(engine, self._configured.get(kind)).command[0]
            except EngineMissing:
                continue
            found.append(
                InstalledEngine(
                    kind=kind,
                    version=None,
                    path=path,
                    source="configured" if kind in self._configured else "environment",
                    selected=current is None or kind in self._configured,
                )
            )
        return tuple(found)
