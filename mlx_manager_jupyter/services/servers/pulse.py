"""What the health probes of one server say, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import Health

OK = 200
#: In place of a status: nobody accepts the connection, or it is broken off.
REFUSED = 0


#: Probes in a row that a server may leave without the answer it owes.
PATIENCE = 3


class Pulse:
    """Tells an engine that is busy from one that is of no use any more."""

    def __init__(self) -> None:
        self.health: Health | None = None
        """None before the first probe."""
        self.missed = 0
        """Probes in a row that it should have answered, and did not."""
        self.complaint = ""
        """What was wrong the last time."""

    def beat(self, status: int | None, path: str, *, in_use: bool) -> bool:
        """Take in what a probe brought: a status, or None when no answer came in time.

        An engine that works may let a probe wait; to refuse it, or to answer it with an error, is
        another matter, whoever waits for a reply.

        Returns:
            Whether ``health`` is another one now.
        """
        before = self.health
        if status == OK:
            self.health, self.missed = "ok", 0
        elif status is None and in_use:
            self.health, self.missed = "busy", 0
        else:
            self.health, self.missed = "silent", self.missed + 1
            self.complaint = _complaint(status, path)
        return self.health != before


def _complaint(status: int | None, path: str) -> str:
    if status is None:
        return f"It runs, but does not answer {path} any more."
    if status == REFUSED:
        return "It runs, but refuses connections."
    return f"It runs, but answers {path} with the status {status}: it can't work any more."
