"""The magics: parse, call, display. What they do is in the functions of the same names.

Lines are not expanded (``no_var_expand``): braces in a system prompt or a JSON value are meant.
"""

# IPython's decorators have no types.
# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import json
import shlex
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from IPython.display import display

from mlx_manager_jupyter.notebook.errors import magic_errors
from mlx_manager_jupyter.notebook.options import PULL, SEARCH, pulled, searched

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from mlx_manager_jupyter.notebook.options import Option


def _variable(text: str) -> str:
    if not text.isidentifier():
        raise ArgumentTypeError(f"{text!r} is no name for a variable.")
    return text


def _options(options: Sequence[Option]) -> Callable[[Any], Any]:
    """`argument` for each of them."""

    def decorate(magic: Any) -> Any:  # noqa: ANN401  a decorated method
        for flags, more in reversed(options):
            magic = argument(*flags, **more)(magic)
        return magic

    return decorate


@magics_class
class MLXMagics(Magics):
    """``%load_ext mlx_manager_jupyter``."""

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

        given = _parse(self.mlx_serve, line)
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

        given = _parse(self.mlx_stop, line)
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

        display(status(_parse(self.mlx_status, line).name))

    @magic_arguments()
    @argument("name", help="The server.")
    @argument("-n", type=int, default=50, help="How many lines.")
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_logs(self, line: str) -> None:
        """Show the last lines of a server's log."""
        from mlx_manager_jupyter.client.client import shared_client  # noqa: PLC0415  on use

        given = _parse(self.mlx_logs, line)
        log = shared_client().servers.logs(given.name, given.n)
        print("\n".join(log.lines) or "The log is empty so far.")  # noqa: T201  a magic displays

    @magic_arguments()
    @_options(SEARCH)
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_search(self, line: str) -> None:
        """Search the MLX models of the Hugging Face Hub."""
        from mlx_manager_jupyter.notebook.models import search  # noqa: PLC0415  on use

        display(search(**searched(_parse(self.mlx_search, line))))

    @magic_arguments()
    @_options(PULL)
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_pull(self, line: str) -> None:
        """Download a model, verified. Interrupt to pause; the same line goes on with it."""
        from mlx_manager_jupyter.notebook.downloads import pull  # noqa: PLC0415  on use

        pull(**pulled(_parse(self.mlx_pull, line)))

    @magic_arguments()
    @magic_errors()
    @no_var_expand
    @line_magic
    def mlx_models(self, line: str) -> None:
        """Show the models of this machine."""
        from mlx_manager_jupyter.notebook.models import models  # noqa: PLC0415  on use

        _parse(self.mlx_models, line)
        display(models())

    @magic_arguments()
    @argument("target", nargs="?", metavar="MODEL", help="Whom to ask.")
    @argument("-m", "--model", help="The same.")
    @argument("-s", "--system", help="What the model should be or do.")
    @argument("-t", "--temperature", type=float, help="0 for the most likely answer, up to 2.")
    @argument("--max-tokens", type=int, help="Where to cut the answer.")
    @argument("--seed", type=int, help="For the same answer to the same question.")
    @argument("-o", "--output", type=_variable, metavar="VAR", help="Where to store the reply.")
    @magic_errors()
    @no_var_expand
    @cell_magic
    def mlx_chat(self, line: str, cell: str) -> None:
        """Ask a model; the cell is the prompt, sent as it stands."""
        from mlx_manager_jupyter.notebook.chat import chat  # noqa: PLC0415  on use

        given = _parse(self.mlx_chat, line)
        chat(
            cell.removesuffix("\n"),
            model=_either(given.target, given.model),
            system=given.system,
            temperature=given.temperature,
            max_tokens=given.max_tokens,
            seed=given.seed,
            stream=True,
            keep=lambda reply: self._store(given.output, reply),
        )

    def _store(self, variable: str | None, value: object) -> None:
        if variable and self.shell:
            self.shell.user_ns[variable] = value


def _parse(magic: Any, line: str) -> Namespace:  # noqa: ANN401  a decorated method
    """Split like a shell, so that quotes group words; IPython's own splitter keeps them."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{error}: {line}") from None
    given: Namespace = magic.parser.parse_args(words)
    return given


def _field(pair: str) -> tuple[str, Any]:
    """``temperature=0.2`` → number; what is no JSON is text."""
    name, equals, value = pair.partition("=")
    if not equals:
        raise UsageError(f"--set {pair}: write it as field=value.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _either(target: str | None, model: str | None) -> str | None:
    if target and model and target != model:
        raise UsageError(f"Two models: {target} and {model}. A chat asks one.")
    return target or model
