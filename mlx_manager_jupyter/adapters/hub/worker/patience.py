"""When to try again, and when to give up."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.hub.errors import explained
from mlx_manager_jupyter.errors import ChecksumMismatch, HubFailed, HubUnreachable, RateLimited

if TYPE_CHECKING:
    import threading

    from mlx_manager_jupyter.adapters.hub.worker.folder import JobSpec
    from mlx_manager_jupyter.errors import MLXManagerError

#: Seconds. Who is told to wait longer leaves the waiting to the queue, which shows it.
LONGEST_PAUSE = 60.0


class Patience:
    """Counts the tries in a row that brought nothing, for one connection or one question."""

    def __init__(self, spec: JobSpec, stopping: threading.Event, *, at_most: int = 0) -> None:
        """``stopping`` ends every pause; ``at_most``: fewer tries than the job's, if not 0."""
        self._model = spec.model
        self._tries = min(at_most or spec.tries, spec.tries)
        self._pause = spec.pause_seconds
        self._stopping = stopping
        self._failed = 0

    def progressed(self) -> None:
        """Something came: begin to count anew."""
        self._failed = 0

    def bear(self, error: BaseException) -> None:
        """Pause before the next try.

        Args:
            error: why the last one failed.

        Raises:
            MLXManagerError: what the error means, if trying again does not help, if there were
                enough tries, or if the wait would be too long.
        """
        found = explained(error, self._model)
        if not isinstance(found, HubUnreachable | RateLimited | ChecksumMismatch):
            raise found from None
        self._failed += 1
        pause = self._wait(found)
        if self._failed >= self._tries or pause > LONGEST_PAUSE:
            raise found from None
        self._stopping.wait(pause)

    def _wait(self, error: MLXManagerError) -> float:
        if isinstance(error, HubFailed) and error.retry_after_seconds is not None:
            return error.retry_after_seconds
        # Jitter: connections that broke together must not come back together.
        pause = self._pause * 2.0 ** (self._failed - 1) * random.uniform(0.75, 1.25)  # noqa: S311
        return min(LONGEST_PAUSE, pause)
