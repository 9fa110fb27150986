"""How errors look in a cell: as errors, so that Run All stops, but never as a page of traceback."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from IPython.core.error import UsageError

from mlx_manager_jupyter.errors import BadRequest, MLXManagerError
from mlx_manager_jupyter.notebook.format import hints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
T = TypeVar("T")

_RED, _PLAIN = "\x1b[31m", "\x1b[0m"


@contextmanager
def magic_errors() -> Iterator[None]:
    """Around a magic: a user's mistake is one line of usage, everything else is message and hint.

    IPython asks an exception for ``_render_traceback_`` before it renders one itself; it prints
    only `UsageError` itself short, no subclass.
    """
    try:
        yield
    except BadRequest as error:
        raise UsageError(str(error)) from None
    except (MLXManagerError, KeyboardInterrupt) as error:
        render: Any = partial(_render, error)
        error.__dict__["_render_traceback_"] = render
        raise


def short_errors(function: Callable[P, T]) -> Callable[P, T]:
    """Around a public function: the traceback ends here, one frame below the caller's line.

    What lies deeper is ours and says nothing that the message does not.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except MLXManagerError as error:
            raise error.with_traceback(None) from None

    return call


def _render(error: BaseException) -> list[str]:
    lines = [f"{_RED}{type(error).__name__}{_PLAIN}"]
    if isinstance(error, MLXManagerError):
        lines[0] += f": {error.message}"
        lines += hints(error)
        if error.log_tail:
            lines += ["", "The log ends with:", *(f"  {line}" for line in error.log_tail)]
    return lines
