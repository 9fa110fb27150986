"""Downloads: persistent jobs, each of which brings one model into the Hugging Face cache."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from mlx_manager_jupyter.schema.base import Record
from mlx_manager_jupyter.schema.servers import Problem

DownloadState = Literal["queued", "running", "paused", "verifying", "done", "failed", "cancelled"]
Transport = Literal["http", "xet"]


class Download(Record):
    """One job. Two requests for the same model, revision and files are one."""

    id: str
    model: str
    revision: str | None = None
    """As it was asked for; the full commit once that is known."""
    state: DownloadState
    bytes_done: int = 0
    """On disk and wanted, to the byte; what was there before the job counts too."""
    bytes_total: int | None = None
    rate: float | None = None
    """Bytes per second, over the last seconds; None unless it runs."""
    eta_seconds: float | None = None
    files_done: int = 0
    files_total: int | None = None
    created_at: datetime
    finished_at: datetime | None = None
    retry_at: datetime | None = None
    """It waits for this moment to try again; ``error`` says why."""
    error: Problem | None = None


class StartDownload(Record, forbid_unknown_fields=True):
    """Body of ``POST downloads``.

    Without patterns, what MLX needs is fetched. ``include`` and ``exclude`` are those of ``hf
    download``: shell patterns over paths.
    """

    model: str
    """A repo id, or loose words that mean one model."""
    revision: str | None = None
    all: bool = False
    """Every file of the repo."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    transport: Transport = "http"
    """``xet`` fetches by Hugging Face's own protocol, which can't go on where it was cut off."""
