"""The parts of `EngineManager`, made from the settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.services.engines import EngineManager, Installer, Looker, Smoke
from mlx_manager_jupyter.services.servers.plan import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlx_manager_jupyter.adapters.upstream import Upstream
    from mlx_manager_jupyter.extension.settings import Settings
    from mlx_manager_jupyter.schema import Event


def engine_manager(
    settings: Settings,
    upstream: Upstream,
    *,
    servers: Callable[[], Mapping[int, str]],
    publish: Callable[[Event], None],
) -> EngineManager:
    """Tie together what it is made of.

    Args:
        settings: of the user.
        upstream: asks engines.
        servers: names of the servers that run, by pid.
        publish: takes events.
    """
    root = Path(settings.home).expanduser() / "engines"
    clean = {key: value for key, value in os.environ.items() if not SECRET.search(key)}
    return EngineManager(
        # pip and uv are given all of it: logins of a private index are in there.
        installer=Installer(
            root, Smoke(ENGINES, upstream, clean), environment=dict(os.environ), servers=servers
        ),
        look=Looker(ENGINES, settings.engine_paths, root),
        publish=publish,
        parent=settings,
    )
