"""From what is stored and what the worker says to one `Download`."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

from mlx_manager_jupyter.schema import Download

if TYPE_CHECKING:
    from mlx_manager_jupyter.adapters.hub.worker.job import JobState
    from mlx_manager_jupyter.schema import DownloadState, StoredDownload

#: Seconds over which the rate is taken: long enough to be calm, short enough to be true.
RATE_SECONDS = 5.0


class Look(Struct, frozen=True):
    """One job at one moment."""

    stored: StoredDownload
    state: JobState | None
    running: bool
    """Its worker is alive, whoever started it."""
    minded: bool
    """A living extension sees to it."""


class Rate:
    """Bytes per second over the last seconds."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()

    def add(self, done: int, now: float | None = None) -> float | None:
        """The rate with this point taken in; None while there is but one."""
        at = time.monotonic() if now is None else now
        points = self._points
        if points and done < points[-1][1]:
            points.clear()  # a file failed its checksum and is fetched again
        points.append((at, done))
        while at - points[0][0] > RATE_SECONDS and len(points) > 2:  # noqa: PLR2004  two make a rate
            points.popleft()
        span = at - points[0][0]
        return (done - points[0][1]) / span if span > 0 else None


def state_of(look: Look) -> DownloadState:
    """The state that people see: what is, not what was asked for and is still to come."""
    stored, stage = look.stored, look.state.stage if look.state else None
    if stored.outcome is not None:
        return stored.outcome
    if look.running:
        return "verifying" if stage in ("verifying", "done") else "running"
    if stored.intent != "run":
        return "paused"
    # Whoever minds it is about to write down that it is done.
    return "verifying" if stage == "done" and look.minded else "queued"


def record(look: Look, rate: float | None) -> Download:
    """The record that crosses the wire; ``rate`` in bytes per second."""
    stored, said = look.stored, look.state
    state = state_of(look)
    done = said.bytes_done if said else 0
    total = said.bytes_total if said else None
    left = None if total is None else total - done
    runs = state == "running"
    return Download(
        id=stored.name,
        model=stored.wanted.model,
        revision=(said and said.commit) or stored.wanted.revision,
        state=state,
        bytes_done=done,
        bytes_total=total,
        rate=rate if runs else None,
        eta_seconds=left / rate if runs and rate and left is not None else None,
        files_done=said.files_done if said else 0,
        files_total=said.files_total if said else None,
        created_at=stored.created_at,
        finished_at=stored.finished_at,
        retry_at=stored.retry_at if state == "queued" else None,
        error=stored.error if state in ("queued", "failed") else None,
    )
