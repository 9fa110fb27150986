"""What the store says about servers: who was asked to run what. Shared by all extensions of a user.

Every method blocks on the store's lock and disk: call it in a thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.schema import StoredExtension, StoredServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.schema import Identity


class Claims:
    """Intent and facts about servers, decided one at a time by the store's transaction."""

    def __init__(self, store: Store, me: Identity, is_alive: Callable[[Identity], bool]) -> None:
        self._store = store
        self._me = me
        self._is_alive = is_alive

    def enter(self) -> None:
        """Say that this extension shares the servers from now on."""
        self._store.put(StoredExtension(name=str(self._me.pid), identity=self._me))

    def leave(self) -> bool:
        """Say that it leaves; True when no other living extension shares the servers."""
        with self._store.transaction():
            others = False
            for extension in self._store.list(StoredExtension):
                if extension.identity != self._me and self._is_alive(extension.identity):
                    others = True
                else:
                    self._store.delete(StoredExtension, extension.name)
            return not others

    def claim(self, wanted: StoredServer) -> StoredServer:
        """Take the name, or learn whose it is: the answer's ``run`` tells.

        A claim whose owner died before its process existed counts for nothing.
        """
        with self._store.transaction():
            held = self._store.get(StoredServer, wanted.name)
            if held and held.wanted and self._stands(held):
                return held
            self._store.put(wanted)
            return wanted

    def stamp(self) -> tuple[int, ...]:
        """Changes when any extension wrote; one stat call, so it may run on the loop."""
        return self._store.stamp()

    def find(self, name: str) -> StoredServer | None:
        """What is stored under this name."""
        return self._store.get(StoredServer, name)

    def list(self) -> list[StoredServer]:
        """Everything stored."""
        return self._store.list(StoredServer)

    def spawned(self, stored: StoredServer) -> None:
        """Remember which process it became."""
        self._store.put(stored)

    def take_over(self, stored: StoredServer) -> StoredServer:
        """Own a server whose owner is gone; a living owner keeps it."""
        with self._store.transaction():
            current = self._store.get(StoredServer, stored.name)
            if current is None or current.run != stored.run or self._is_alive(current.owner):
                return current or stored
            mine = replace(current, owner=self._me)
            self._store.put(mine)
            return mine

    def unwanted(self, name: str, run: str) -> None:
        """Remember that a stop was asked, so that no viewer takes its end for a crash."""
        with self._store.transaction():
            current = self._store.get(StoredServer, name)
            if current and current.run == run:
                self._store.put(replace(current, wanted=False))

    def release(self, name: str, run: str) -> bool:
        """Forget this run; True when its end was unasked (it was still wanted)."""
        with self._store.transaction():
            current = self._store.get(StoredServer, name)
            if current is None or current.run != run:
                return False
            self._store.delete(StoredServer, name)
            return current.wanted

    def _stands(self, held: StoredServer) -> bool:
        if held.process is not None:
            return self._is_alive(held.process)
        return self._is_alive(held.owner)
