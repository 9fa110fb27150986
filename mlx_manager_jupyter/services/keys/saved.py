"""Named keys: kept in the store as digests, the same for every Jupyter server of this user."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.errors import StoreUnusable
from mlx_manager_jupyter.schema import StoredKey
from mlx_manager_jupyter.services.keys.grant import Grant

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping
    from logging import Logger

    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.schema import Key

#: Seconds between two notes in the store that a key is in use.
TOLD_EVERY = 60.0
#: So long an expired key is still listed, and its bearer told what has become of it.
EXPIRED_KEPT = timedelta(days=7)


class SavedKeys:
    """What the store says of keys, looked up again as soon as any Jupyter server has changed it.

    Finding a known key costs a look into a dictionary; once in `every` seconds a ``stat`` more,
    and reading the file only if that tells of a change.
    """

    def __init__(self, store: Store, every: float, log: Logger) -> None:
        self._store = store
        self._every = every
        self._log = log
        self._grants: dict[bytes, Grant] = {}
        self._told: dict[str, float] = {}
        """By id, the last use that the store knows."""
        self._stamp: tuple[int, ...] | None = None
        self._looked_at = 0.0
        self._one_at_a_time = asyncio.Lock()
        self._notes: set[asyncio.Task[None]] = set()

    async def find(self, digest: bytes) -> Grant | None:
        """The one of this digest; one that was made a moment ago elsewhere is found too.

        Raises:
            StoreUnusable: it is known, but nobody can tell now whether it was revoked.
        """
        if digest not in self._grants or monotonic() - self._looked_at >= self._every:
            try:
                await self._look()
            except StoreUnusable:
                if digest in self._grants:
                    raise
        return self._grants.get(digest)

    async def list(self) -> builtins.list[Key]:
        """All of them, those that expired of late too."""
        await self._look()
        return [grant.shown() for grant in self._grants.values()]

    async def add(self, digest: bytes, key: Key) -> None:
        """Store one."""
        async with self._one_at_a_time:
            await asyncio.to_thread(self._put, StoredKey(name=key.id, digest=digest.hex(), key=key))
            self._grants[digest] = Grant(key)

    async def revoke(self, key_id: str) -> bool:
        """End one, for every Jupyter server; False if there is none of that id."""
        async with self._one_at_a_time:  # else a look that began before could bring it back
            gone = await asyncio.to_thread(self._store.delete, StoredKey, key_id)
            for digest, grant in tuple(self._grants.items()):
                if grant.key.id == key_id:
                    del self._grants[digest]
            return gone

    def used(self, grant: Grant) -> None:
        """It let a request in. The store is told at most once a minute, and not before that."""
        key_id = grant.key.id
        if grant.used_at - self._told.get(key_id, 0.0) < TOLD_EVERY:
            return
        self._told[key_id] = grant.used_at
        note = asyncio.create_task(self._tell({key_id: grant.used_at}))
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def close(self) -> None:
        """Tell the store what it does not know yet."""
        await asyncio.gather(*self._notes)
        news = {
            grant.key.id: grant.used_at
            for grant in self._grants.values()
            if grant.used_at > self._told.get(grant.key.id, 0.0)
        }
        if news:
            await self._tell(news)

    async def _look(self) -> None:
        async with self._one_at_a_time:  # whoever comes meanwhile waits for the same look
            stamp = self._store.stamp()  # before reading, so that what changes then is seen later
            if stamp != self._stamp:
                self._take(await asyncio.to_thread(self._store.list, StoredKey))
                self._stamp = stamp
            self._looked_at = monotonic()

    def _take(self, stored: builtins.list[StoredKey]) -> None:
        before, self._grants = self._grants, {}
        told, self._told = self._told, {}
        for each in stored:
            digest = bytes.fromhex(each.digest)
            grant, known = Grant(each.key), before.get(digest)
            self._told[each.name] = max(told.get(each.name, 0.0), grant.used_at)
            if known and known.key == grant.key:  # how often it was used lately stays
                known.used_at = max(known.used_at, grant.used_at)
                grant = known
            self._grants[digest] = grant

    def _put(self, wanted: StoredKey) -> None:
        long_ago = datetime.now(UTC) - EXPIRED_KEPT
        with self._store.transaction():
            for old in self._store.list(StoredKey):
                if old.key.expires_at and old.key.expires_at < long_ago:
                    self._store.delete(StoredKey, old.name)
            self._store.put(wanted)

    async def _tell(self, uses: Mapping[str, float]) -> None:
        try:
            await asyncio.to_thread(self._write, uses)
        except StoreUnusable as error:  # it is known here all the same
            self._log.warning("%s", error)

    def _write(self, uses: Mapping[str, float]) -> None:
        with self._store.transaction():
            for key_id, used_at in uses.items():
                stored = self._store.get(StoredKey, key_id)
                if stored is None:
                    continue  # revoked meanwhile
                at = datetime.fromtimestamp(used_at, UTC)
                if stored.key.last_used_at is None or stored.key.last_used_at < at:
                    self._store.put(replace(stored, key=replace(stored.key, last_used_at=at)))
