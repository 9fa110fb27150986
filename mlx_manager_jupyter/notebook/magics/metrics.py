"""``%mlx_metrics``."""

# IPython's decorators have no types.
# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import magic_arguments
from IPython.display import display

from mlx_manager_jupyter.notebook.errors import magic_errors
from mlx_manager_jupyter.notebook.magics.parsing import parse


@magics_class
class MetricsMagics(Magics):
    """See how busy they are."""

    @magic_arguments()
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_metrics(self, line: str) -> None:
        """Show what each server does now; ``mlx.metrics()`` has the last day as a DataFrame."""
        from mlx_manager_jupyter.notebook.metrics import now  # noqa: PLC0415  on use

        parse(self.mlx_metrics, line)
        display(now())
