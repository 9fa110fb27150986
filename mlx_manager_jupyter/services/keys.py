"""Gateway keys: who may talk to the models. A kernel's key dies with the kernel."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from traitlets import Float
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.adapters.process import ProcessGone, identify, is_alive
from mlx_manager_jupyter.errors import InvalidValue, NotFound
from mlx_manager_jupyter.schema import Key, NewKey

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import CreateKey, Identity

#: Starts every secret, so that a leaked one is recognised by scanners.
PREFIX = "mlx-"


class _Issued(Struct):
    key: Key
    holder: Identity | None
    checked_at: float


class KeyManager(LoggingConfigurable):
    """Issues and checks keys. Only digests are kept, and only in memory."""

    holder_check_seconds = Float(
        1.0, min=0.0, help="How long the answer to 'does the kernel of this key live?' is trusted."
    ).tag(config=True)

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self._issued: dict[bytes, _Issued] = {}

    async def create(self, wanted: CreateKey) -> NewKey:
        """Issue a key; the secret in the answer is shown this once.

        Raises:
            InvalidValue: when ``pid`` names no process of this machine.
        """
        pid = wanted.pid
        try:
            holder = None if pid is None else await asyncio.to_thread(identify, pid)
        except ProcessGone as error:
            raise InvalidValue(f"There is no process {pid} to make a key for.") from error
        secret = PREFIX + secrets.token_urlsafe(32)
        key = Key(
            id=secrets.token_hex(4), label=wanted.label, created_at=datetime.now(UTC), pid=pid
        )
        self._issued[_digest(secret)] = _Issued(key, holder, time.monotonic())
        return NewKey(key=key, secret=secret)

    async def list(self) -> list[Key]:
        """The keys that still open the gateway, oldest first."""
        for digest in tuple(self._issued):
            await self._forget_if_dead(digest)
        return [issued.key for issued in self._issued.values()]

    def revoke(self, key_id: str) -> None:
        """End a key at once.

        Raises:
            NotFound: when there is none of that id.
        """
        for digest, issued in self._issued.items():
            if issued.key.id == key_id:
                del self._issued[digest]
                return
        raise NotFound(f"There is no key {key_id!r}.", "It may have died with its kernel.")

    async def check(self, secret: str) -> Key | None:
        """The key of this secret, or None. Looked up by digest, so that timing tells nothing."""
        digest = _digest(secret)
        await self._forget_if_dead(digest)
        issued = self._issued.get(digest)
        return issued.key if issued else None

    async def _forget_if_dead(self, digest: bytes) -> None:
        issued = self._issued.get(digest)
        now = time.monotonic()
        if issued is None or issued.holder is None:
            return
        if now - issued.checked_at < self.holder_check_seconds:
            return
        if await asyncio.to_thread(is_alive, issued.holder):
            issued.checked_at = now
        else:
            self._issued.pop(digest, None)  # it may have been revoked meanwhile


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
