"""The magics: parse, call, display. What they do is in the functions of the same names.

One class a noun, each in a file of its own; a new one is named in `MAGICS`. Lines are not expanded
(``no_var_expand``): braces in a system prompt or a JSON value are meant.
"""

from __future__ import annotations

from mlx_manager_jupyter.notebook.magics.chat import ChatMagics
from mlx_manager_jupyter.notebook.magics.models import ModelMagics
from mlx_manager_jupyter.notebook.magics.servers import ServerMagics

#: Everything that ``%load_ext`` registers.
MAGICS = (ServerMagics, ModelMagics, ChatMagics)
