"""``%mlx_profiles``."""

# IPython's decorators have no types.
# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from IPython.display import display

from mlx_manager_jupyter.notebook.errors import magic_errors
from mlx_manager_jupyter.notebook.magics.parsing import parse


@magics_class
class ProfileMagics(Magics):
    """Saved ways to run a model."""

    @magic_arguments()
    @argument("name", nargs="?", help="One profile only.")
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_profiles(self, line: str) -> None:
        """Show the saved profiles."""
        from mlx_manager_jupyter.notebook import profiles  # noqa: PLC0415  on use

        name = parse(self.mlx_profiles, line).name
        found = profiles.profiles() if name is None else [profiles.profile(name)]
        display(profiles.Profiles(found))
