"""What the store says about downloads: intent and outcome, shared by all extensions of a user.

Every method blocks on the store's lock and disk: call it in a thread.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from mlx_manager_jupyter.errors import UnknownDownload
from mlx_manager_jupyter.schema import StartDownload, StoredDownload, StoredExtension

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Collection

    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.schema import Identity

Intent = Literal["run", "pause", "cancel"]

#: How long an ended download stays listed if nobody dismisses it.
KEPT = timedelta(days=1)


class Ledger:
    """Which downloads there are and whose they are, decided by the store's transaction."""

    def __init__(self, store: Store, me: Identity, is_alive: Callable[[Identity], bool]) -> None:
        self.me = me
        self._store = store
        self._is_alive = is_alive

    def stamp(self) -> tuple[int, ...]:
        """Changes when any extension wrote; one stat call, so it may run on the loop."""
        return self._store.stamp()

    def list(self) -> builtins.list[StoredDownload]:
        """All downloads, oldest first."""
        return sorted(self._store.list(StoredDownload), key=lambda stored: stored.created_at)

    def get(self, name: str) -> StoredDownload:
        """One download.

        Raises:
            UnknownDownload: there is none of that id.
        """
        if found := self._store.get(StoredDownload, name):
            return found
        raise UnknownDownload(f"There is no download {name!r}.", "See 'downloads' for the list.")

    def ask(self, wanted: StartDownload) -> tuple[StoredDownload, bool]:
        """Queue a download, or join the one that has the same model, revision and files.

        Returns:
            It, and whether this call made it run: one that was paused or failed goes on.
        """
        name = key(wanted)
        with self._store.transaction():
            known = self._store.get(StoredDownload, name)
            if known and known.outcome is None and known.intent == "run":
                return known, False
            if known and known.outcome != "done" and known.intent != "cancel":
                asked = _again(known)
            else:
                asked = StoredDownload(name=name, wanted=wanted, created_at=datetime.now(UTC))
            self._store.put(asked)
            return asked, True

    def intend(self, name: str, intent: Intent) -> StoredDownload:
        """Say what shall become of it. An ended one stays as it is, but a failed one can run again.

        Raises:
            UnknownDownload: there is none of that id.
        """
        with self._store.transaction():
            known = self.get(name)
            if known.outcome == "failed" and intent == "run":
                known = _again(known)
            elif known.outcome is None and known.intent != "cancel":
                known = _again(known) if intent == "run" else replace(known, intent=intent)
            self._store.put(known)
            return known

    def claim(
        self, running: Collection[str], limit: int, now: datetime
    ) -> builtins.list[StoredDownload]:
        """Take what nobody minds: workers that live on, then the queue as far as there is room.

        Args:
            running: ids whose worker runs.
            limit: workers at a time, those of other extensions included.
            now: to know whose time to be tried again has come.
        """
        with self._store.transaction():
            active = [s for s in self.list() if s.outcome is None and s.intent == "run"]
            minded = [s for s in active if self.is_minded(s)]
            orphans = [s for s in active if s not in minded]
            alive = [s for s in orphans if s.name in running]
            due = [
                s for s in orphans if s not in alive and (s.retry_at is None or s.retry_at <= now)
            ]
            room = max(0, limit - len(minded) - len(alive))
            mine = [replace(s, owner=self.me, retry_at=None) for s in (*alive, *due[:room])]
            for stored in mine:
                self._store.put(stored)
            return mine

    def is_minded(self, stored: StoredDownload) -> bool:
        """Whether a living extension sees to it."""
        return stored.owner is not None and self._is_alive(stored.owner)

    def settle(self, name: str, **changes: Any) -> StoredDownload | None:
        """Write down how our run of it ended; None when it is no longer ours to say."""
        with self._store.transaction():
            known = self._store.get(StoredDownload, name)
            if known is None or known.outcome is not None:
                return None
            settled = replace(known, owner=None, **changes)
            self._store.put(settled)
            return settled

    def release(self) -> bool:
        """Mind nothing any more; True when no other living extension is there to take over."""
        with self._store.transaction():
            for stored in self._store.list(StoredDownload):
                if stored.owner == self.me:
                    self._store.put(replace(stored, owner=None))
            return not any(
                other.identity != self.me and self._is_alive(other.identity)
                for other in self._store.list(StoredExtension)
            )

    def forget(self, name: str) -> None:
        """Remove an ended download from the list."""
        self._store.delete(StoredDownload, name)

    def outdated(self, now: datetime) -> builtins.list[StoredDownload]:
        """Those that ended so long ago that nobody asks for them."""
        ended = [stored for stored in self.list() if stored.outcome and stored.outcome != "failed"]
        return [stored for stored in ended if (stored.finished_at or now) < now - KEPT]


def key(wanted: StartDownload) -> str:
    """The id of a download: the same for the same model, revision and files."""
    return hashlib.sha256(msgspec.json.encode(wanted)).hexdigest()[:12]


def _again(stored: StoredDownload) -> StoredDownload:
    return replace(
        stored, intent="run", attempts=0, retry_at=None, outcome=None, error=None, finished_at=None
    )
