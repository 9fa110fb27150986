"""How the magics read their lines, and how `options` of a command become arguments of a magic."""

# IPython's decorators have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import argument

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from mlx_manager_jupyter.notebook.options import Option


def options(given: Sequence[Option]) -> Callable[[Any], Any]:
    """`argument` for each of them."""

    def decorate(magic: Any) -> Any:  # noqa: ANN401  a decorated method
        for flags, more in reversed(given):
            magic = argument(*flags, **more)(magic)
        return magic

    return decorate


def parse(magic: Any, line: str) -> Namespace:  # noqa: ANN401  a decorated method
    """Split like a shell, so that quotes group words; IPython's own splitter keeps them."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{error}: {line}") from None
    given: Namespace = magic.parser.parse_args(words)
    return given
