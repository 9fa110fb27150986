"""``%mlx_search``, ``%mlx_pull`` and ``%mlx_models``."""

# IPython's decorators have no types.
# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import magic_arguments
from IPython.display import display

from mlx_manager_jupyter.notebook.errors import magic_errors
from mlx_manager_jupyter.notebook.magics.parsing import options, parse
from mlx_manager_jupyter.notebook.options import PULL, SEARCH, pulled, searched


@magics_class
class ModelMagics(Magics):
    """Find, fetch, and see what is here."""

    @magic_arguments()
    @options(SEARCH)
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_search(self, line: str) -> None:
        """Search the MLX models of the Hugging Face Hub."""
        from mlx_manager_jupyter.notebook.models import search  # noqa: PLC0415  on use

        display(search(**searched(parse(self.mlx_search, line))))

    @magic_arguments()
    @options(PULL)
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_pull(self, line: str) -> None:
        """Download a model, verified. Interrupt to pause; the same line goes on with it."""
        from mlx_manager_jupyter.notebook.downloads import pull  # noqa: PLC0415  on use

        pull(**pulled(parse(self.mlx_pull, line)))

    @magic_arguments()
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_models(self, line: str) -> None:
        """Show the models of this machine."""
        from mlx_manager_jupyter.notebook.models import models  # noqa: PLC0415  on use

        parse(self.mlx_models, line)
        display(models())
