"""``%%mlx_chat``."""

# IPython's decorators have no types.
# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from argparse import ArgumentTypeError

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from mlx_manager_jupyter.notebook.errors import magic_errors
from mlx_manager_jupyter.notebook.magics.parsing import parse


def _variable(text: str) -> str:
    if not text.isidentifier():
        raise ArgumentTypeError(f"{text!r} is no name for a variable.")
    return text


@magics_class
class ChatMagics(Magics):
    """Ask."""

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

        given = parse(self.mlx_chat, line)
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


def _either(target: str | None, model: str | None) -> str | None:
    if target and model and target != model:
        raise UsageError(f"Two models: {target} and {model}. A chat asks one.")
    return target or model
