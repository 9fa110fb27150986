"""Where a large file can be fetched from: signed URLs, each good for an hour or less."""

from __future__ import annotations

import threading
from typing import NamedTuple
from urllib.parse import urlsplit

from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from mlx_manager_jupyter.errors import ChangedOnHub

_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """One URL and the headers that may be sent there."""

    url: str
    headers: dict[str, str]


class Address:
    """Of one file at one commit. Its connections share it."""

    def __init__(
        self, *, model: str, commit: str, path: str, sha256: str, size: int, timeout: float
    ) -> None:
        self._url = hf_hub_url(model, path, revision=commit)
        self._file = path
        self._sha256 = sha256
        self._size = size
        self._timeout = timeout
        self._lock = threading.Lock()
        self._place: Place | None = None

    def place(self) -> Place:
        """Where the bytes are now; asks the Hub if that is not known.

        Raises:
            ChangedOnHub: the Hub has other content at this path.
            HfHubHTTPError, httpx2.HTTPError: the Hub refused, or was not reached.
        """
        with self._lock:
            if self._place is None:
                self._place = self._asked()
            return self._place

    def refused(self, place: Place) -> None:
        """This place refused us: its signature is too old, so the next one asks the Hub."""
        with self._lock:
            if self._place is place:
                self._place = None

    def _asked(self) -> Place:
        found = get_hf_file_metadata(self._url, timeout=self._timeout)
        if (found.etag, found.size) != (self._sha256, self._size):
            raise ChangedOnHub(
                f"{self._file} is not the file any more that the Hub listed.",
                "Download the model again, to get what is there now.",
            )
        headers: dict[str, str] = build_hf_headers()
        if origin(found.location) != origin(self._url):
            # The store knows us by the signature alone; the token is none of its business.
            headers.pop("authorization", None)
        return Place(found.location, headers)


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: who is spoken to."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, parts.hostname or "", parts.port or _PORTS.get(scheme, 0)
