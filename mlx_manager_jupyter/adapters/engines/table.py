"""All engines, by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines.command import COMMAND
from mlx_manager_jupyter.adapters.engines.mlx_lm import MLX_LM
from mlx_manager_jupyter.adapters.engines.mlx_openai_server import MLX_OPENAI_SERVER
from mlx_manager_jupyter.adapters.engines.mlx_vlm import MLX_VLM
from mlx_manager_jupyter.adapters.engines.remote import REMOTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlx_manager_jupyter.adapters.engines.base import Engine
    from mlx_manager_jupyter.schema import EngineKind

ENGINES: Mapping[EngineKind, Engine] = {
    engine.kind: engine for engine in (MLX_LM, MLX_VLM, MLX_OPENAI_SERVER, REMOTE, COMMAND)
}
