"""The magics: parse, call, display. What they do is in the functions of the same names.

One class a noun, each in a file of its own; a new one is named in `MAGICS`. Lines are not expanded
(``no_var_expand``): braces in a system prompt or a JSON value are meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.notebook.magics.chat import ChatMagics
from mlx_manager_jupyter.notebook.magics.completion import complete_in
from mlx_manager_jupyter.notebook.magics.metrics import MetricsMagics
from mlx_manager_jupyter.notebook.magics.models import ModelMagics
from mlx_manager_jupyter.notebook.magics.profiles import ProfileMagics
from mlx_manager_jupyter.notebook.magics.requests import RequestMagics
from mlx_manager_jupyter.notebook.magics.servers import ServerMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

#: Everything that ``%load_ext`` registers.
MAGICS = (ServerMagics, ModelMagics, ProfileMagics, MetricsMagics, RequestMagics, ChatMagics)


def load(shell: InteractiveShell) -> None:
    """Register them."""
    shell.register_magics(*MAGICS)
    complete_in(shell)


def unload(shell: InteractiveShell) -> None:
    """Take them away again."""
    for magics in MAGICS:
        for kind, names in magics.magics.items():
            for name in names:
                shell.magics_manager.magics[kind].pop(name, None)
