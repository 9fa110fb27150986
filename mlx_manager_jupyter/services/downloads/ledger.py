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

    def ask(
        self, wanted: StartDownload, discard: Callable[[str], None]
    ) -> tuple[StoredDownload, bool]:
        """Queue a download, or join the one that has the same model, revision and files.

        Args:
            wanted: with the full repo id.
            discard: removes what is left of an ended one, which begins at nothing again.

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
                if known and known.outcome is not None:
                    discard(name)
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
            elif known.outcome is not None or known.intent == "cancel":
                return known
            elif intent != "run":
                known = replace(known, intent=intent)
            elif known.intent != "run" or known.retry_at is not None:
                known = _again(known)
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

    def settle(self, seen: StoredDownload, **changes: Any) -> bool:
        """Write down how its run ended, which nobody minds any more.

        Args:
            seen: what was known of it before its run was seen to have ended.
            changes: what is known now.

        Returns:
            False if something else became of it meanwhile, and nothing was written.
        """
        with self._store.transaction():
            if self._store.get(StoredDownload, seen.name) != seen:
                return False
            self._store.put(replace(seen, owner=None, **changes))
            return True

    def cancel(self, name: str, discard: Callable[[str], None]) -> None:
        """End one that shall be cancelled, unless it was asked for anew meanwhile.

        Args:
            name: its id.
            discard: removes what it fetched; nobody can begin anew before that is done.
        """
        with self._store.transaction():
            known = self._store.get(StoredDownload, name)
            if known is None or known.intent != "cancel":
                return
            discard(name)
            at = known.finished_at or datetime.now(UTC)
            self._store.put(replace(known, owner=None, outcome="cancelled", finished_at=at))

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

    def forget(self, name: str, discard: Callable[[str], None]) -> None:
        """Remove an ended download from the list, and with ``discard`` what is left of it."""
        with self._store.transaction():
            known = self._store.get(StoredDownload, name)
            if known and known.outcome is not None:
                discard(name)
                self._store.delete(StoredDownload, name)


def is_outdated(stored: StoredDownload, now: datetime) -> bool:
    """Whether it ended so long ago that nobody asks for it."""
    ended = stored.outcome in ("done", "cancelled")
    return ended and (stored.finished_at or now) < now - KEPT


def key(wanted: StartDownload) -> str:
    """The id of a download: the same for the same model, revision and files."""
    return hashlib.sha256(msgspec.json.encode(wanted)).hexdigest()[:12]


def _again(stored: StoredDownload) -> StoredDownload:
    return replace(
        stored,
        intent="run",
        owner=None,
        attempts=0,
        retry_at=None,
        outcome=None,
        error=None,
        finished_at=None,
    )
