"""``client.engines``: which there are, and installing them."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import msgspec

from mlx_manager_jupyter.errors import InstallFailed, MLXManagerError
from mlx_manager_jupyter.schema import EngineJob, InstalledEngine, InstallEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.client.client import Client

#: The extension tells of new lines at 4 Hz; asking more often tells nothing new.
LOOK_SECONDS = 0.25


class StartedJob(NamedTuple):
    """Answer of `EngineCalls.start`."""

    job: EngineJob
    is_new: bool
    """False when it was under way already: then it is not ours to cancel."""


class EngineCalls:
    """``client.engines``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> list[InstalledEngine]:
        """All engines of this machine. The first look starts each of them: some seconds."""
        answer = self._client.send("GET", "engines", patient=True)
        return msgspec.json.decode(answer.content, type=list[InstalledEngine])

    def start(self, wanted: InstallEngine) -> StartedJob:
        """Begin a job, or join the one that does the same. Returns at once: see its state."""
        answer = self._client.send("POST", "engines", wanted)
        job = msgspec.json.decode(answer.content, type=EngineJob)
        return StartedJob(job, answer.status_code == HTTPStatus.ACCEPTED)

    def job(self, job_id: str) -> EngineJob:
        """One job; `UnknownJob` when its Jupyter has forgotten it."""
        return self._client.call("GET", f"engines/jobs/{quote(job_id, safe='')}", EngineJob)

    def cancel(self, job_id: str) -> None:
        """End a job; returns when nothing of it is left. An ended one: list it no longer."""
        self._client.delete(f"engines/jobs/{quote(job_id, safe='')}")

    def run(
        self, wanted: InstallEngine, show: Callable[[EngineJob], object] = lambda _: None
    ) -> EngineJob:
        """Do what is asked and wait for its end.

        Args:
            wanted: which engine, and what with it.
            show: is given the job four times a second, the last time when it has ended.

        Raises:
            MLXManagerError: why it can't be, or why it failed; what was there before is there.
            KeyboardInterrupt: it was cancelled, unless it was under way before.
        """
        started = self.start(wanted)
        job = started.job
        try:
            show(job)
            while job.state == "running":
                time.sleep(LOOK_SECONDS)
                job = self.job(job.id)
                show(job)
        except (KeyboardInterrupt, SystemExit):
            if started.is_new:
                self.cancel(job.id)
            raise
        if job.error:
            raise MLXManagerError.of(job.error)
        if job.state != "done":
            raise InstallFailed(f"The {job.action} of {job.kind} was {job.state}.")
        return job
