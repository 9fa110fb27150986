"""The parts of `ModelManager`, made from the settings."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.adapters.engines import ENGINES, MLX_LM, find, known_methods, known_models
from mlx_manager_jupyter.adapters.hub import Hub
from mlx_manager_jupyter.errors import EngineMissing
from mlx_manager_jupyter.services.models import (
    CatalogueKeeper,
    DetailsKeeper,
    LocalLibrary,
    MemoryBook,
    ModelManager,
    Reader,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.extension.settings import Settings
    from mlx_manager_jupyter.schema import Event
    from mlx_manager_jupyter.services.models import Use


def model_manager(
    settings: Settings,
    cache: Path,
    store: Store,
    machine: Machine,
    *,
    use: Callable[[], Use],
    use_now: Callable[[], Awaitable[Use]],
    publish: Callable[[Event], None],
) -> ModelManager:
    """Tie together what it is made of.

    Args:
        settings: of the user.
        cache: of Hugging Face.
        store: keeps what servers were seen to hold.
        machine: whose memory counts.
        use: says who works with which model.
        use_now: the same, other extensions asked first.
        publish: takes events.
    """
    heard: dict[str, Any] = {"publish": publish, "log": settings.log}
    hub = Hub(offline=settings.offline_mode, endpoint=settings.hf_endpoint or None)
    engines = _Engines(settings.engine_paths)
    reader = Reader(engines.types, engines.methods)
    folders = [Path(folder).expanduser() for folder in settings.model_folders]
    limit = settings.max_memory_percent
    return ModelManager(
        library=LocalLibrary(cache, folders, reader, **heard),
        catalogue=CatalogueKeeper(
            hub,
            Path(settings.home).expanduser() / "catalogue.json",
            reader,
            author=settings.hf_organization or None,
            offline=settings.offline_mode,
            **heard,
        ),
        details=DetailsKeeper(hub, reader),
        hub=hub,
        memory=MemoryBook(store, machine, limit_percent=limit, log=settings.log),
        use=use,
        use_now=use_now,
        parent=settings,
    )


class _Engines:
    """What the installed engines say that they can run. Blocking; they remember it."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = paths

    def types(self) -> dict[str, frozenset[str]]:
        """Model types by engine."""
        known: dict[str, frozenset[str]] = {}
        for kind, engine in ENGINES.items():
            with suppress(EngineMissing):
                known[kind] = known_models(find(engine, self._paths.get(kind)))
        return known

    def methods(self) -> frozenset[str] | None:
        """Other people's ways to quantize that the installed mlx-lm has code for."""
        with suppress(EngineMissing):
            return known_methods(find(MLX_LM, self._paths.get(MLX_LM.kind)))
        return None
