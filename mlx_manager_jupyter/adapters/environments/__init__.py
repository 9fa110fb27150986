"""Environments of engines: made, switched and removed, whatever happens meanwhile.

Engines can't share an environment with Jupyter, nor with each other: their pins conflict.

============  =====================================================================================
`recipes`     what an engine's environment is made of, and where it can't be made
`folder`      where environments lie, which is current, and how that changes in one step
`builders`    the commands of uv, or of venv and pip, that make one
`pythons`     a Python that the engine accepts
`commands`    running such a command: its lines, its end, and nothing left of it when cancelled
`processes`   who runs from an environment, and what a killed installation left running
============  =====================================================================================
"""

from mlx_manager_jupyter.adapters.environments.builders import Builder, builder
from mlx_manager_jupyter.adapters.environments.commands import run
from mlx_manager_jupyter.adapters.environments.folder import EngineFolder
from mlx_manager_jupyter.adapters.environments.processes import MARKER, end_orphans, running_from
from mlx_manager_jupyter.adapters.environments.recipes import RECIPES, Recipe

__all__ = [
    "MARKER",
    "RECIPES",
    "Builder",
    "EngineFolder",
    "Recipe",
    "builder",
    "end_orphans",
    "run",
    "running_from",
]
