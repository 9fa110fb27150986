"""``%mlx_serve``, ``%mlx_stop``, ``%mlx_restart``, ``%mlx_status``, ``%mlx_logs``, ``%mlx_env``."""

# IPython's decorators have no types.
# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from IPython.display import display

from mlx_manager_jupyter.notebook.errors import magic_errors
from mlx_manager_jupyter.notebook.magics.parsing import options, parse
from mlx_manager_jupyter.notebook.options import LOGS, RESTART, SERVE, STOP, served

if TYPE_CHECKING:
    from mlx_manager_jupyter.notebook.access import Access


@magics_class
class ServerMagics(Magics):
    """Start, stop, and see what runs."""

    @magic_arguments()
    @options(SERVE)
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_serve(self, line: str) -> None:
        """Start serving a model and wait until it answers."""
        from mlx_manager_jupyter.notebook.servers import started  # noqa: PLC0415  on use

        given = parse(self.mlx_serve, line)
        started(served(given), wait=not given.no_wait)

    @magic_arguments()
    @options(STOP)
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_stop(self, line: str) -> None:
        """Stop servers; returns when their memory is free."""
        from mlx_manager_jupyter.notebook.servers import servers, stop  # noqa: PLC0415  on use

        given = parse(self.mlx_stop, line)
        if bool(given.names) == given.all:
            raise UsageError("Say which servers to stop, or --all.")
        for name in [server.name for server in servers()] if given.all else given.names:
            stop(name)
            print(f"{name} stopped.")  # noqa: T201  a magic displays

    @magic_arguments()
    @options(RESTART)
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_restart(self, line: str) -> None:
        """Stop a server, start it again, and wait until it answers."""
        from mlx_manager_jupyter.notebook.servers import restart  # noqa: PLC0415  on use

        given = parse(self.mlx_restart, line)
        restart(given.name, wait=not given.no_wait)

    @magic_arguments()
    @argument("name", nargs="?", help="One server only.")
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_status(self, line: str) -> None:
        """Show what runs."""
        from mlx_manager_jupyter.notebook.servers import status  # noqa: PLC0415  on use

        display(status(parse(self.mlx_status, line).name))

    @magic_arguments()
    @options(LOGS)
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_logs(self, line: str) -> None:
        """Show the last lines of a server's log."""
        from mlx_manager_jupyter.notebook.servers import logs  # noqa: PLC0415  on use

        given = parse(self.mlx_logs, line)
        print(logs(given.name, given.lines))  # noqa: T201  a magic displays

    @magic_arguments()
    @argument("--set", action="store_true", help="Set them as variables of this kernel.")
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_env(self, line: str) -> Access | None:
        """Base URL and key for any OpenAI client; the key is not shown, but in the answer."""
        from mlx_manager_jupyter.notebook import access  # noqa: PLC0415  on use

        if not parse(self.mlx_env, line).set:
            return access.env()
        access.export()
        print(f"{access.URL_VARIABLE} and {access.KEY_VARIABLE} are set in this kernel.")  # noqa: T201  a magic displays
        return None
