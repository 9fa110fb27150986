"""The engines of this machine as records. Blocks: each is started once for its help."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines import find_all
from mlx_manager_jupyter.adapters.environments import RECIPES, EngineFolder
from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.schema import InstalledEngine, Problem, Profile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlx_manager_jupyter.adapters.engines import Engine, Installation
    from mlx_manager_jupyter.schema import EngineKind

#: Engines that are started at a time: each imports its own MLX.
AT_ONCE = 4


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
        """All of them; of each kind the one that runs models first."""
        # Side by side: asking one for its help takes seconds, the first time.
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return tuple(chain.from_iterable(pool.map(self._of, self._engines.values())))

    def _of(self, engine: Engine) -> list[InstalledEngine]:
        configured = self._configured.get(engine.kind)
        try:
            installations = find_all(engine, configured, self._root)
        except MLXManagerError as error:
            broken = InstalledEngine(
                kind=engine.kind,
                version=None,
                path=configured,
                source="configured",
                selected=True,
                problem=error.problem,
            )
            return [broken]
        return [
            self._record(engine, installation, selected=place == 0)
            for place, installation in enumerate(installations)
        ]

    def _record(
        self, engine: Engine, installation: Installation, *, selected: bool
    ) -> InstalledEngine:
        problem: Problem | None = None
        fields: frozenset[str] = frozenset()
        try:
            fields = engine.honoured(installation)
        except MLXManagerError as error:
            problem = error.problem
        endpoints = engine.endpoints(installation.version, Profile(name="any", model="any"))
        return InstalledEngine(
            kind=engine.kind,
            version=installation.version,
            path=installation.path,
            source=installation.source,
            selected=selected,
            fields=tuple(sorted(fields)),
            endpoints=tuple(sorted(endpoints)),
            previous_version=self._previous(installation),
            problem=problem,
        )

    def _previous(self, installation: Installation) -> str | None:
        if installation.source != "managed":
            return None
        previous = EngineFolder(self._root, RECIPES[installation.kind]).previous
        return previous.name if previous else None
