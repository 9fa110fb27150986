"""The engines we know, by kind.

============  =====================================================================================
`table`       all of them; each has a file: `mlx_lm`, `mlx_vlm`, `mlx_openai_server`, `remote`,
              `command`
`base`        what they have in common: which field is which flag, what a version can honour
`flag`        how a field becomes words
`probe`       questions that prove that it is ready, or alive
`meaning`     what its log and its end mean
`refusing`    what it can't do, and who can
`choosing`    which one `auto` means
`finding`     where they are installed
`installed`   one that was found, and its own help
============  =====================================================================================
"""

from __future__ import annotations

from mlx_manager_jupyter.adapters.engines.base import Engine
from mlx_manager_jupyter.adapters.engines.choosing import Nature, choose, model_type
from mlx_manager_jupyter.adapters.engines.finding import find, find_all, installed_at
from mlx_manager_jupyter.adapters.engines.installed import Installation
from mlx_manager_jupyter.adapters.engines.known_models import known_methods, known_models
from mlx_manager_jupyter.adapters.engines.mlx_lm import MLX_LM
from mlx_manager_jupyter.adapters.engines.probe import Probe
from mlx_manager_jupyter.adapters.engines.table import ENGINES

__all__ = [
    "ENGINES",
    "MLX_LM",
    "Engine",
    "Installation",
    "Nature",
    "Probe",
    "choose",
    "find",
    "find_all",
    "installed_at",
    "known_methods",
    "known_models",
    "model_type",
]
