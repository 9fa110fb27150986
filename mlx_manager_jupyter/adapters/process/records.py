"""What goes into a process and what comes out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from mlx_manager_jupyter.schema import ServerState as ProcessState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Failure", "Launch", "ProcessFailed", "ProcessGone", "ProcessState"]


class Launch(Struct, frozen=True, kw_only=True):
    """Everything that is needed to start one run of an engine."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    """The child's complete environment. It may hold secrets, so it is in no repr."""
    cwd: Path
    log: Path
    """This run's log file: created 0600, missing folders above it 0700."""
    host: str
    port: int
    marker: tuple[str, str] | None = None
    """A variable and its value that ``env`` has, and nobody else's: whoever carries it in the end
    belongs to this run, wherever it has gone."""
    stdin: Literal["empty", "silent", "full"] = "empty"
    """``empty`` ends at once; ``silent`` never ends and never says anything; ``full`` is silent
    after as much as a pipe holds, so that whoever passes it on can't pass on more."""

    def __repr__(self) -> str:
        return f"Launch({self.argv}, log={self.log}, {self.host}:{self.port})"


class Failure(Struct, frozen=True, kw_only=True):
    """Why a process failed, as far as a process can know; the engine's data says what it means."""

    kind: Literal["spawn", "exited", "fatal_line", "port_taken", "timeout", "silent"]
    """``timeout``: not ready within the load timeout, or not gone after a stop; ``silent``: it was
    ready, and whoever looks after it gave it up."""
    detail: str
    """One line: the fatal log line, the operating system's error, …"""
    exit_code: int | None = None
    """None when a signal ended it, or when nobody can know (an adopted process)."""
    signal: int | None = None


class ProcessFailed(Exception):
    """The process did not do what was asked of it.

    Not in the tree of `mlx_manager_jupyter.errors`: whoever supervises knows the engine, and so
    which of those errors this is.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class ProcessGone(Exception):
    """No living process has this identity."""
