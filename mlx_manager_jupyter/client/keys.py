"""``client.keys``: who may use the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from mlx_manager_jupyter.schema import CreateKey, Key, NewKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlx_manager_jupyter.client.client import Client


class KeyCalls:
    """``client.keys``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> list[Key]:
        """All keys, oldest first, without their secrets."""
        return self._client.call("GET", "keys", list[Key])

    def create(
        self,
        label: str,
        pid: int | None = None,
        *,
        expires_in_seconds: float | None = None,
        profiles: Iterable[str] = (),
        requests_per_minute: int | None = None,
    ) -> NewKey:
        """Make a key. Its secret is in the answer, and can't be had again.

        Args:
            label: what it is for, in the list of keys.
            pid: it dies with this process; without one it is kept until it expires or is revoked.
            expires_in_seconds: when it opens nothing any more; never by default.
            profiles: the only ones that it opens; all by default.
            requests_per_minute: how many it may make of each Jupyter server; no limit by default.

        Raises:
            UnknownProfile: one of `profiles` is not there.
            InvalidValue: there is no such process.
        """
        wanted = CreateKey(
            label=label,
            pid=pid,
            expires_in_seconds=expires_in_seconds,
            profiles=tuple(profiles),
            requests_per_minute=requests_per_minute,
        )
        return self._client.call("POST", "keys", NewKey, wanted)

    def revoke(self, key_id: str) -> None:
        """End a key at once, whoever made it.

        Raises:
            NotFound: there is none of that id.
        """
        self._client.delete(f"keys/{quote(key_id, safe='')}")
