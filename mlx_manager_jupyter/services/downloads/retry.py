"""Whether and when a job that failed is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.errors import DownloadFailed

if TYPE_CHECKING:
    from mlx_manager_jupyter.adapters.hub.worker.job import JobState
    from mlx_manager_jupyter.schema import StoredDownload

#: Tries without a byte of progress before a person has to decide.
TRIES = 6

FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(seconds=300)

CRASHED = DownloadFailed(
    "The process that downloads ended unexpectedly.", "What it fetched is kept."
).problem


def settled(
    stored: StoredDownload, state: JobState | None, *, progressed: bool, now: datetime
) -> dict[str, Any]:
    """What to write down about a worker that ended by itself.

    Args:
        stored: as it was when the worker was started.
        state: the last that the worker said; None if it said nothing.
        progressed: it fetched something since its last failure.
        now: for the moments written down.

    Returns:
        Changes for `Ledger.settle`.
    """
    if state and state.stage == "done":
        return {"outcome": "done", "error": None, "finished_at": now, "attempts": 0}
    failed = state is not None and state.stage == "failed"
    error = state.error if state and failed and state.error else CRASHED
    attempts = 1 if progressed else stored.attempts + 1
    if (state and failed and not state.retry) or attempts > TRIES:
        return {"outcome": "failed", "error": error, "finished_at": now, "attempts": attempts}
    pause = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
    if state and failed and state.retry_after_seconds is not None:
        pause = max(pause, timedelta(seconds=state.retry_after_seconds))
    return {"error": error, "attempts": attempts, "retry_at": now + pause}
