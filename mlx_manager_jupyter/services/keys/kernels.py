"""Keys of processes: kernels and commands make them by themselves, and they die together."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from msgspec import Struct

from mlx_manager_jupyter.adapters.process import is_alive
from mlx_manager_jupyter.services.keys.grant import Grant

if TYPE_CHECKING:
    import builtins

    from mlx_manager_jupyter.schema import Identity, Key


class _Held(Struct):
    grant: Grant
    holder: Identity
    seen_at: float


class KernelKeys:
    """In memory alone: a kernel makes a new one when its Jupyter has forgotten the old one.

    Args:
        trust_seconds: how long the answer to 'does it live?' is trusted.
    """

    def __init__(self, trust_seconds: float) -> None:
        self._trust_seconds = trust_seconds
        self._held: dict[bytes, _Held] = {}

    def add(self, digest: bytes, key: Key, holder: Identity) -> None:
        """Remember one."""
        self._held[digest] = _Held(Grant(key), holder, monotonic())

    async def find(self, digest: bytes) -> Grant | None:
        """The one of this digest, if its process lives."""
        held = self._held.get(digest)
        if held and monotonic() - held.seen_at >= self._trust_seconds:
            await self._look(digest, held)
            held = self._held.get(digest)  # it may have been revoked meanwhile
        return held.grant if held else None

    async def list(self) -> builtins.list[Key]:
        """Those whose process lives."""
        for digest, held in tuple(self._held.items()):
            await self._look(digest, held)
        return [held.grant.shown() for held in self._held.values()]

    def revoke(self, key_id: str) -> bool:
        """End one at once; False if there is none of that id."""
        for digest, held in self._held.items():
            if held.grant.key.id == key_id:
                del self._held[digest]
                return True
        return False

    async def _look(self, digest: bytes, held: _Held) -> None:
        if await asyncio.to_thread(is_alive, held.holder):
            held.seen_at = monotonic()
        else:
            self._held.pop(digest, None)
