"""``client.downloads``: ask for models, follow how they come, and wait for them."""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from mlx_manager_jupyter.errors import Conflict, DownloadFailed, MLXManagerError, UnknownDownload
from mlx_manager_jupyter.schema import Download, StartDownload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlx_manager_jupyter.client.client import Client

#: The extension publishes progress at 4 Hz; asking more often tells nothing new.
LOOK_SECONDS = 0.25

#: States that a download does not leave by itself. A paused one may go on at any time.
ENDED = frozenset({"done", "failed", "cancelled"})

_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


class StartedDownload(NamedTuple):
    """Answer of `DownloadCalls.start`."""

    download: Download
    is_new: bool
    """False when it was under way already: then it is not ours to pause."""


class DownloadCalls:
    """``client.downloads``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> list[Download]:
        """All downloads, oldest first; ended ones for a while too."""
        return self._client.call("GET", "downloads", list[Download])

    def get(self, download_id: str) -> Download:
        """One download; `UnknownDownload` once it was dismissed."""
        return self._client.call("GET", _path(download_id), Download)

    def start(self, wanted: StartDownload) -> StartedDownload:
        """Queue a download, or join the one there is. Returns at once: see `Download.state`."""
        answer = self._client.send("POST", "downloads", wanted)
        download = msgspec.json.decode(answer.content, type=Download)
        return StartedDownload(download, answer.status_code == HTTPStatus.ACCEPTED)

    def pause(self, download_id: str) -> Download:
        """Stop it where it is, until somebody resumes it."""
        return self._client.call("POST", f"{_path(download_id)}/pause", Download)

    def resume(self, download_id: str) -> Download:
        """Go on where it stopped, or failed."""
        return self._client.call("POST", f"{_path(download_id)}/resume", Download)

    def cancel(self, download_id: str) -> None:
        """End it, and what it fetched goes; of an ended one: list it no longer."""
        self._client.delete(_path(download_id))

    def fetch(
        self, wanted: StartDownload, show: Callable[[Download], object] = lambda _: None
    ) -> Download:
        """Download a model and wait until it is here, whole and verified.

        Args:
            wanted: its id, or loose words that mean one model; with what to fetch of it.
            show: is given the record four times a second, the last one included.

        Returns:
            The finished download.

        Raises:
            MLXManagerError: why there is no such model, or why the download failed.
            KeyboardInterrupt: stopped waiting. A download that this call started is paused first
                and ``show`` sees it ``paused``; one that was under way before goes on.
        """
        started = self.start(self.named(wanted))
        latest = started.download
        try:
            for latest in self.follow(started.download):
                show(latest)
        except (KeyboardInterrupt, SystemExit):
            if started.is_new:
                show(self._paused(latest))
            raise
        return whole(latest)

    def named(self, wanted: StartDownload) -> StartDownload:
        """The same with the full id of the one model that its words mean.

        Apart from `start`, for the first question of a day waits for the Hub's catalogue: an
        interrupt then ends the question, and nothing is fetched that nobody waits for.
        """
        if _REPO_ID.fullmatch(wanted.model):
            return wanted
        return replace(wanted, model=self._client.models.resolve(wanted.model).id)

    def follow(self, download: Download) -> Iterator[Download]:
        """Its record four times a second, until it has ended; the last one included.

        Raises:
            DownloadFailed: somebody dismissed it meanwhile.
        """
        while download.state not in ENDED:
            yield download
            time.sleep(LOOK_SECONDS)
            try:
                download = self.get(download.id)
            except UnknownDownload:
                raise DownloadFailed(f"The download of {download.model} was dismissed.") from None
        yield download

    def _paused(self, download: Download) -> Download:
        try:
            return self.pause(download.id)
        except Conflict:  # it ended at the same moment
            return self.get(download.id)


def whole(download: Download) -> Download:
    """The same, if it is done.

    Raises:
        MLXManagerError: why it is not.
    """
    if download.state == "done":
        return download
    if download.error:
        raise MLXManagerError.of(download.error)
    raise DownloadFailed(
        f"The download of {download.model} was {download.state}.", "Ask for it again to begin anew."
    )


def _path(download_id: str) -> str:
    return f"downloads/{quote(download_id, safe='')}"
