"""What the store says about servers: who was asked to run what. Shared by all extensions of a user.

Every method blocks on the store's lock and disk: call it in a thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.errors import NameTaken, NotReady, PortTaken
from mlx_manager_jupyter.schema import Profile, StoredExtension, StoredServer

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Mapping

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
        """Say that it leaves; True when no other living extension shares the servers.

        Another one owns its servers from now on.
        """
        with self._store.transaction():
            others: builtins.list[Identity] = []
            for extension in self._store.list(StoredExtension):
                if extension.identity != self._me and self._is_alive(extension.identity):
                    others.append(extension.identity)
                else:
                    self._store.delete(StoredExtension, extension.name)
            for stored in self._store.list(StoredServer) if others else ():
                if stored.owner == self._me:
                    self._store.put(replace(stored, owner=others[0]))
            return not others

    def shared(self) -> bool:
        """Whether another extension lives, which may use the servers too."""
        return any(
            extension.identity != self._me and self._is_alive(extension.identity)
            for extension in self._store.list(StoredExtension)
        )

    def claim(self, wanted: StoredServer, succeeds: str | None = None) -> StoredServer:
        """Take the name, or learn whose it is: the answer's ``run`` tells.

        A claim whose owner died before its process existed counts for nothing.

        Args:
            wanted: what is to run.
            succeeds: the run that failed and that it stands in for; then the name must still mean
                that one.

        Raises:
            PortTaken: when a server of another name has the port, or will as soon as it is up.
            NotReady: when somebody has stopped or replaced the run that it succeeds.
        """
        with self._store.transaction():
            if succeeds is not None:
                old = self._store.get(StoredServer, wanted.name)
                if old is None or old.run != succeeds or not old.wanted:
                    raise NotReady(f"{wanted.name!r} was stopped meanwhile.")
            standing = {
                stored.name: stored
                for stored in self._store.list(StoredServer)
                if stored.wanted and self._stands(stored)
            }
            held = standing.pop(wanted.name, None)
            # Without a process, one of ours is what an error left: we start no name twice at once.
            if held and (held.process or held.owner != self._me):
                return held
            for other in () if wanted.base_url else standing.values():
                if other.port == wanted.port and not other.base_url:
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

    def list(self) -> builtins.list[StoredServer]:
        """Everything stored."""
        return self._store.list(StoredServer)

    def profiles(self) -> dict[str, Profile]:
        """The saved profiles, by name."""
        return {profile.name: profile for profile in self._store.list(Profile)}

    def put_back(self, failed: StoredServer) -> None:
        """Remember a run that failed, unless its name means another one by now."""
        with self._store.transaction():
            current = self._store.get(StoredServer, failed.name)
            if current is None or current.run == failed.run:
                self._store.put(failed)

    def take_over(self, stored: StoredServer) -> StoredServer:
        """Own a server whose owner is gone; a living owner keeps it."""
        with self._store.transaction():
            current = self._store.get(StoredServer, stored.name)
            if current is None or current.run != stored.run or self._is_alive(current.owner):
                return current or stored
            mine = replace(current, owner=self._me)
            self._store.put(mine)
            return mine

    def orphaned(self, owners: set[Identity]) -> bool:
        """Whether one of these extensions is no more."""
        return not all(self._is_alive(owner) for owner in owners)

    def update(self, name: str, run: str, **facts: object) -> StoredServer | None:
        """Remember facts of this run; None when the name means another one by now."""
        with self._store.transaction():
            current = self._store.get(StoredServer, name)
            if current is None or current.run != run:
                return None
            known = replace(current, **facts)
            if known != current:
                self._store.put(known)
            return known

    def plan(
        self,
        name: str,
        run: str,
        weigh: Callable[[builtins.list[StoredServer]], Mapping[str, object]],
    ) -> None:
        """Remember facts of this run that depend on all others, with nobody between.

        ``weigh`` is shown what is stored of the others that live, or are about to.
        """
        with self._store.transaction():
            others = [
                stored
                for stored in self._store.list(StoredServer)
                if stored.run != run and self._stands(stored)
            ]
            self.update(name, run, **weigh(others))

    def failed(
        self, run: str, name: str, decide: Callable[[StoredServer], StoredServer]
    ) -> StoredServer | None:
        """Remember that this run failed; its owner decides what comes of it, for all.

        Returns:
            What is stored now; None when somebody has asked for its end, or replaced it. Then it
            is no crash.
        """
        with self._store.transaction():
            current = self._store.get(StoredServer, name)
            if current is None or current.run != run or not current.wanted:
                return None
            if current.owner != self._me:
                if self._is_alive(current.owner):
                    return current
                current = replace(current, owner=self._me)
            decided = decide(current)
            self._store.put(decided)
            return decided

    def unwanted(self, name: str, run: str) -> None:
        """Remember that a stop was asked, so that no viewer takes its end for a crash."""
        with self._store.transaction():
            current = self._store.get(StoredServer, name)
            if current and current.run == run:
                self._store.put(replace(current, wanted=False))

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
