"""What every error has, and how it crosses the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlx_manager_jupyter.schema import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable


class MLXManagerError(Exception):
    """Base of every error this package raises on purpose."""

    status: int = 500  # of its kind; one that is told elsewhere than usual may have another
    code: ClassVar[str] = "internal"
    retry_after: float | None = None  # seconds until another try may fare better

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        log_tail: Iterable[str] = (),
        candidates: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.log_tail, self.candidates = tuple(log_tail), tuple(candidates)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    @property
    def problem(self) -> Problem:
        """The record that crosses the wire."""
        return Problem(
            code=self.code,
            message=self.message,
            hint=self.hint,
            log_tail=self.log_tail,
            candidates=self.candidates,
        )

    @staticmethod
    def of(problem: Problem) -> MLXManagerError:
        """The same error on the other side of the wire; an unknown code becomes the base class."""
        kind = by_code(MLXManagerError).get(problem.code, MLXManagerError)
        return kind(problem.message, problem.hint, problem.log_tail, problem.candidates)


def by_code(root: type[MLXManagerError]) -> dict[str, type[MLXManagerError]]:
    """This kind of error and all that are of it, by their codes."""
    found = {root.code: root}
    for kind in root.__subclasses__():
        found |= by_code(kind)
    return found
