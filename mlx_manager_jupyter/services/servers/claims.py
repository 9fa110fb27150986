"""What the store says about servers: who was asked to run what. Shared by all extensions of a user.

Every method blocks on the store's lock and disk: call it in a thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.errors import NameTaken, PortTaken
from mlx_manager_jupyter.schema import StoredExtension, StoredServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.schema import Identity, Profile


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

        Raises:
            PortTaken: when a server of another name has the port, or will as soon as it is up.
        """
        with self._store.transaction():
            standing = {
                stored.name: stored
                for stored in self._store.list(StoredServer)
                if stored.wanted and self._stands(stored)
            }
            held = standing.pop(wanted.name, None)
            # Without a process, one of ours is what an error left: we start no name twice at once.
            if held and (held.process or held.owner != self._me):
                return held
            for other in standing.values():
                if other.port == wanted.port:
                    message = f"Port {wanted.port} is the one of the server {other.name!r}."
                    raise PortTaken(message, "Choose another --port, or leave it unset.")
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

    def keep(self, name: str, run: str) -> None:
        """Remember that this run shall outlive Jupyter."""
        with self._store.transaction():
            current = self._store.get(StoredServer, name)
            if current and current.run == run:
                self._store.put(replace(current, keep=True))

    def unwanted(self, name: str, run: str) -> None:
        """Remember that a stop was asked, so that no viewer takes its end for a crash."""
        with self._store.transaction():
            current = self._store.get(StoredServer, name)
            if current and current.run == run:
                self._store.put(replace(current, wanted=False))

    def still_wanted(self, name: str, run: str) -> bool:
        """Whether nobody asked for the end of this run, so that it is a crash if it ended.

        The claim stays, so that every extension finds the same answer; with its process dead it
        keeps nobody from the name.
        """
        current = self._store.get(StoredServer, name)
        return current is not None and current.run == run and current.wanted

    def release(self, name: str, run: str) -> None:
        """Forget this run."""
        with self._store.transaction():
            current = self._store.get(StoredServer, name)
            if current and current.run == run:
                self._store.delete(StoredServer, name)

    def _stands(self, held: StoredServer) -> bool:
        if held.process is not None:
            return self._is_alive(held.process)
        return self._is_alive(held.owner)


def refuse_other_settings(running: StoredServer, profile: Profile) -> None:
    """Let only those join who asked for the same.

    Raises:
        NameTaken: when the server runs with other settings.
    """
    if running.profile != profile:
        message = f"{running.name!r} runs already, with other settings."
        raise NameTaken(message, "Stop it first, or give this one another --name.")
