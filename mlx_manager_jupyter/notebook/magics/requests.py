"""``%mlx_requests``."""

# IPython's decorators have no types.
# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import magic_arguments
from IPython.display import display

from mlx_manager_jupyter.notebook.errors import magic_errors
from mlx_manager_jupyter.notebook.magics.parsing import options, parse
from mlx_manager_jupyter.notebook.options import REQUESTS

#: Unless it is said how many.
LATEST = 20


@magics_class
class RequestMagics(Magics):
    """See what was asked."""

    @magic_arguments()
    @options(REQUESTS)
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_requests(self, line: str) -> None:
        """Show the newest requests; ``mlx.requests()`` has all of them as a DataFrame."""
        from mlx_manager_jupyter.notebook.requests import latest  # noqa: PLC0415  on use

        given = parse(self.mlx_requests, line)
        display(latest(given.since, given.server, given.limit or LATEST))
