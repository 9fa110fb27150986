"""``%mlx_serve``, ``%mlx_stop``, ``%mlx_status`` and ``%mlx_logs``."""

# IPython's decorators have no types.
# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import json
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from IPython.display import display

from mlx_manager_jupyter.notebook.errors import magic_errors
from mlx_manager_jupyter.notebook.magics.parsing import parse


@magics_class
class ServerMagics(Magics):
    """Start, stop, and see what runs."""

    @magic_arguments()
    @argument("target", nargs="+", metavar="MODEL|PROFILE", help="What to serve.")
    @argument("--name", help="What to call the server.")
    @argument("--engine", help="The program that runs the model, or auto.")
    @argument("--port", type=int, help="The engine's port; by default the first free one.")
    @argument("--keep", action="store_true", default=None, help="Let it outlive Jupyter.")
    @argument("--no-wait", action="store_true", help="Return before it is ready.")
    @argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="Profile field.")
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_serve(self, line: str) -> None:
        """Start serving a model and wait until it answers."""
        from mlx_manager_jupyter.notebook.servers import serve  # noqa: PLC0415  on use

        given = parse(self.mlx_serve, line)
        fields = {"engine": given.engine, "port": given.port}
        fields = {key: value for key, value in fields.items() if value is not None}
        serve(
            " ".join(given.target),
            name=given.name,
            keep=given.keep,
            wait=not given.no_wait,
            **fields,
            **dict(map(_field, given.set)),
        )

    @magic_arguments()
    @argument("names", nargs="*", metavar="NAME", help="Servers to stop.")
    @argument("--all", action="store_true", help="Stop all of them.")
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
    @argument("name", nargs="?", help="One server only.")
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_status(self, line: str) -> None:
        """Show what runs."""
        from mlx_manager_jupyter.notebook.servers import status  # noqa: PLC0415  on use

        display(status(parse(self.mlx_status, line).name))

    @magic_arguments()
    @argument("name", help="The server.")
    @argument("-n", type=int, default=50, help="How many lines.")
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_logs(self, line: str) -> None:
        """Show the last lines of a server's log."""
        from mlx_manager_jupyter.client.client import shared_client  # noqa: PLC0415  on use

        given = parse(self.mlx_logs, line)
        log = shared_client().servers.logs(given.name, given.n)
        print("\n".join(log.lines) or "The log is empty so far.")  # noqa: T201  a magic displays


def _field(pair: str) -> tuple[str, Any]:
    """``temperature=0.2`` → number; what is no JSON is text."""
    name, equals, value = pair.partition("=")
    if not equals:
        raise UsageError(f"--set {pair}: write it as field=value.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
