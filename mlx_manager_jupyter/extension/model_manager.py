"""The parts of `ModelManager`, made from the settings."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.adapters.engines import (
    ENGINES,
    MLX_LM,
    Nature,
    find,
    known_methods,
    known_models,
)
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
    from collections.abc import Awaitable, Callable

    from mlx_manager_jupyter.adapters.cache import ModelFolder
    from mlx_manager_jupyter.adapters.engines import Installation
    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.extension.settings import Settings
    from mlx_manager_jupyter.schema import Event
    from mlx_manager_jupyter.services.models import Use

#: Seconds for which what was seen of the engines counts.
LOOK_SECONDS = 2.0


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
    engines = _Engines(settings)
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


def nature_of(settings: Settings) -> Callable[[ModelFolder], Nature]:
    """What tells an engine's choice what a model of this machine is (blocking)."""
    engines = _Engines(settings)

    def nature(folder: ModelFolder) -> Nature:
        from mlx_manager_jupyter.services.models.facts import Source, facts_of  # noqa: PLC0415  not at start-up

        has_modules = (folder.path / "modules.json").is_file()
        source = Source(id=folder.model, config=folder.config, has_modules=has_modules)
        facts = facts_of(source, known=engines.types())
        if "embeddings" in facts.capabilities:
            return Nature(model_type="embeddings")
        if facts.engine == "mlx-openai-server":
            return Nature(model_type="whisper")
        sees = "vision" in facts.capabilities or facts.engine == "mlx-vlm"
        return Nature(
            model_type="multimodal" if sees else "lm", as_text=sees and facts.engine == "mlx-lm"
        )

    return nature


class _Engines:
    """What the installed engines say that they can run. Blocking.

    A scan asks for each of a thousand models, and looking takes milliseconds, so what was seen
    counts for a moment.
    """

    def __init__(self, settings: Settings) -> None:
        self._paths = settings.engine_paths
        self._managed = Path(settings.home).expanduser() / "engines"
        self._types: dict[str, frozenset[str]] = {}
        self._methods: frozenset[str] | None = None
        self._looked_at = -LOOK_SECONDS

    def types(self) -> dict[str, frozenset[str]]:
        """Model types by engine."""
        self._look()
        return self._types

    def methods(self) -> frozenset[str] | None:
        """Other people's ways to quantize that the installed mlx-lm has code for."""
        self._look()
        return self._methods

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return
        found: dict[str, Installation] = {}
        for kind, engine in ENGINES.items():
            if engine.executable:
                with suppress(EngineMissing):
                    found[kind] = find(engine, self._paths.get(kind), self._managed)
        self._types = {kind: known_models(one) for kind, one in found.items()}
        lm = found.get(MLX_LM.kind)
        self._methods = known_methods(lm) if lm else None
        self._looked_at = now
