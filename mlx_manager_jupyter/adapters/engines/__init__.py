"""The engines we know, by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines.base import Engine
from mlx_manager_jupyter.adapters.engines.installed import Installation, find, known_flags
from mlx_manager_jupyter.adapters.engines.known_models import known_methods, known_models
from mlx_manager_jupyter.adapters.engines.mlx_lm import MLX_LM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlx_manager_jupyter.schema import EngineKind

__all__ = [
    "ENGINES",
    "MLX_LM",
    "Engine",
    "Installation",
    "find",
    "known_flags",
    "known_methods",
    "known_models",
]

ENGINES: Mapping[EngineKind, Engine] = {MLX_LM.kind: MLX_LM}
