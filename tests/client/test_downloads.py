"""Waiting for a download: what is shown, how it ends, and what an interrupt does."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.errors import DiskFull, DownloadFailed
from mlx_manager_jupyter.schema import Download, StartDownload
from tests.client.stand_in import listening, write_connection

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.stand_in import Asked

ID = "mlx-community/Qwen3-8B-4bit"
ONE = {"id": "1f", "model": ID, "created_at": "2026-01-01T00:00:00Z", "bytes_total": 100}
API = "/mlx-manager/api/"


class Extension:
    """Answers as the real one does; each look at the download finds the next state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.states: list[dict[str, Any]] = []
        self.start_status = 202
        self.asked: list[str] = []
        self.bodies: list[Any] = []

    def answer(self, asked: Asked) -> None:
        self.asked.append(asked.asked.replace(API, ""))
        self.bodies.append(asked.body)
        if asked.path.startswith(f"{API}resolve"):
            asked.json({"id": ID, "local": False})
        elif asked.path.endswith("/pause"):
            asked.json({**ONE, "state": "paused", "bytes_done": 40})
        elif asked.command == "POST":
            asked.json({**ONE, "state": "queued"}, self.start_status)
        elif self.states:
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            asked.json({**ONE, **state})
        else:
            asked.json({"code": "unknown_download", "message": "Gone."}, 404)

    def fetch(self, wanted: StartDownload, show: Any = lambda _: None) -> Download:
        with listening(self.answer) as door:
            file = write_connection(self.folder / "connection.json", door.url)
            client = Client(lambda: read(file))
            try:
                return client.downloads.fetch(wanted, show)
            finally:
                client.close()


@pytest.fixture
def extension(tmp_path: Path) -> Extension:
    return Extension(tmp_path)


def test_it_is_shown_until_it_is_done(extension: Extension) -> None:
    extension.states = [
        {"state": "running", "bytes_done": 40},
        {"state": "verifying", "bytes_done": 100},
        {"state": "done", "bytes_done": 100},
    ]
    seen: list[Download] = []
    done = extension.fetch(StartDownload(model=ID, include=("*.json",)), seen.append)
    assert [each.state for each in seen] == ["queued", "running", "verifying", "done"]
    assert seen[-1] == done
    assert extension.bodies[0]["include"] == ["*.json"]
    assert not [path for path in extension.asked if "resolve" in path]


def test_loose_words_are_settled_before_anything_is_queued(extension: Extension) -> None:
    extension.states = [{"state": "done"}]
    extension.fetch(StartDownload(model="qwen3 8b 4bit"))
    assert extension.asked[:2] == ["GET resolve?q=qwen3+8b+4bit&source=hub", "POST downloads"]
    assert extension.bodies[1]["model"] == ID


def test_a_failure_is_raised_as_what_it_is(extension: Extension) -> None:
    error = {"code": "disk_full", "message": "No room.", "hint": "Free 2 GB."}
    extension.states = [{"state": "failed", "error": error}]
    seen: list[Download] = []
    with pytest.raises(DiskFull, match="Free 2 GB"):
        extension.fetch(StartDownload(model=ID), seen.append)
    assert seen[-1].state == "failed"


def test_cancelled_or_dismissed_by_somebody_is_a_failure(extension: Extension) -> None:
    extension.states = [{"state": "cancelled"}]
    with pytest.raises(DownloadFailed, match="was cancelled"):
        extension.fetch(StartDownload(model=ID))
    extension.states = []
    with pytest.raises(DownloadFailed, match="was dismissed"):
        extension.fetch(StartDownload(model=ID))


@pytest.mark.parametrize("status", [202, 200])
def test_an_interrupt_pauses_only_what_this_call_started(extension: Extension, status: int) -> None:
    extension.start_status = status
    pauses = status == 202
    extension.states = [{"state": "running", "bytes_done": 40}]
    seen: list[Download] = []

    def show(download: Download) -> None:
        seen.append(download)
        if download.state == "running":
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        extension.fetch(StartDownload(model=ID), show)
    assert ("POST downloads/1f/pause" in extension.asked) == pauses
    assert (seen[-1].state == "paused") == pauses
