"""Which profiles there are: create, edit, copy, rename, delete, and what others did to them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from traitlets import Float
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.errors import StoreUnusable, UnknownProfile
from mlx_manager_jupyter.names import nearest
from mlx_manager_jupyter.schema import (
    DeletedProfile,
    ImportedProfile,
    Profile,
    ProfileChanged,
    ProfileDocument,
    ProfileRemoved,
)
from mlx_manager_jupyter.services.profiles import document
from mlx_manager_jupyter.services.profiles.names import refuse_taken
from mlx_manager_jupyter.services.profiles.validation import make

if TYPE_CHECKING:
    import builtins
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.schema import Event, Server
    from mlx_manager_jupyter.services.profiles.document import OnConflict

    #: Hears of each profile that was changed here, as it was and as it is.
    Changed = Callable[[Profile | None, Profile | None], Awaitable[None]]


async def _nobody(_old: Profile | None, _new: Profile | None) -> None:
    """Whom no change concerns."""


class ProfileManager(LoggingConfigurable):
    """Keeps the profiles; the store is the only copy, shared with other Jupyter servers."""

    sync_interval = Float(
        1.0, min=0.1, help="Seconds between two looks at profiles that other Jupyter servers saved."
    ).tag(config=True)

    def __init__(
        self,
        store: Store,
        publish: Callable[[Event], None],
        *,
        changed: Changed = _nobody,
        servers: Callable[[], Iterable[Server]] = tuple,
        **kwargs: object,
    ) -> None:
        """Hand over what it needs.

        Args:
            store: keeps them.
            publish: takes events.
            changed: is awaited after each change that is made here.
            servers: those that there are now.
            kwargs: traits.
        """
        super().__init__(**kwargs)
        self._store = store
        self._publish = publish
        self._changed = changed
        self._servers = servers
        self._looking = asyncio.Lock()
        self._watcher: asyncio.Task[None] | None = None
        self.records: tuple[Profile, ...] = ()
        """All profiles as of the last look, by name; advisory."""

    async def open(self) -> None:
        """Look, and go on looking for what other Jupyter servers change."""
        self._watcher = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Look no more."""
        if self._watcher:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)

    # --- reading --------------------------------------------------------------------------------

    async def list(self) -> tuple[Profile, ...]:
        """All profiles, by name; viewers are told what is new."""
        async with self._looking:  # else an older look could come last
            found = await asyncio.to_thread(self._store.list, Profile)
            before = {profile.name: profile for profile in self.records}
            self.records = tuple(sorted(found, key=lambda profile: profile.name.casefold()))
            for profile in self.records:
                if before.pop(profile.name, None) != profile:
                    self._publish(ProfileChanged(profile=profile))
            for name in before:
                self._publish(ProfileRemoved(name=name))
            return self.records

    async def get(self, name: str) -> Profile:
        """One profile.

        Raises:
            UnknownProfile: naming the nearest ones.
        """
        if found := await asyncio.to_thread(self._store.get, Profile, name):
            return found
        raise await self._unknown(name)

    async def find(self, name: str) -> Profile | None:
        """One profile, or None."""
        return await asyncio.to_thread(self._store.get, Profile, name)

    def users(self, name: str) -> tuple[str, ...]:
        """The servers that run from a profile."""
        running = {"starting", "loading", "ready"}
        return tuple(
            server.name
            for server in self._servers()
            if server.profile == name and (server.state in running or server.retry_at)
        )

    async def export(self, name: str | None = None) -> ProfileDocument:
        """All profiles, or one, as a document without secrets.

        Raises:
            UnknownProfile: naming the nearest ones.
        """
        return document.export(await self.list() if name is None else [await self.get(name)])

    # --- commands -------------------------------------------------------------------------------

    async def create(self, values: Mapping[str, Any]) -> Profile:
        """Save a new profile.

        Raises:
            UnknownField: naming the nearest field.
            InvalidValue: naming the field and its range.
            UnsupportedField: the engine that it names never has such a field.
            NameTaken: a name of it is another profile's; nothing is changed then.
        """
        profile = make(values)
        await asyncio.to_thread(self._insert, [profile], ())
        await self._tell(None, profile)
        return profile

    async def edit(self, name: str, changes: Mapping[str, Any]) -> Profile:
        """Change some fields; ``None`` resets one, ``name`` renames the profile.

        Raises:
            UnknownProfile: naming the nearest ones.
            UnknownField, InvalidValue, UnsupportedField, NameTaken: as `create` does.
        """
        changed = await asyncio.to_thread(self._edit, name, changes)
        if changed is None:
            raise await self._unknown(name)
        await self._tell(*changed)
        return changed[1]

    async def copy(self, name: str, to: str) -> Profile:
        """Save the same under another name.

        What can only be one profile's is left out: aliases, a fixed port, the start with Jupyter.

        Raises:
            UnknownProfile: naming the nearest ones.
            InvalidValue, NameTaken: the new name can't be one, or is taken.
        """
        values = msgspec.to_builtins(await self.get(name))
        own = {"name": to, "aliases": None, "port": None, "auto_start": None}
        return await self.create(values | own)

    async def delete(self, name: str) -> DeletedProfile:
        """Forget a profile. A server that runs from it goes on, and is named.

        Raises:
            UnknownProfile: naming the nearest ones.
        """
        users = self.users(name)
        old = await self.get(name)
        if not await asyncio.to_thread(self._store.delete, Profile, name):
            raise await self._unknown(name)
        await self._tell(old, None)
        return DeletedProfile(name=name, servers=users)

    async def import_(
        self, given: object, on_conflict: OnConflict = "refuse"
    ) -> builtins.list[ImportedProfile]:
        """Save the profiles of a document: all of them or none.

        Args:
            given: what `export` answers, or a plain list of profiles.
            on_conflict: what becomes of a profile whose name is taken.

        Returns:
            What was done with each, in their order.

        Raises:
            InvalidValue: it is no such document, or a profile in it is wrong.
            NameTaken: a name is taken.
        """
        wanted = document.profiles_in(given)
        changes, told = await asyncio.to_thread(self._import, wanted, on_conflict)
        for old, new in changes:
            await self._changed(old, new)
        await self.list()
        return told

    # --- values ---------------------------------------------------------------------------------

    @staticmethod
    def make(values: Mapping[str, Any]) -> Profile:
        """A validated profile from plain values.

        Raises:
            UnknownField, InvalidValue, UnsupportedField: as `create` does.
        """
        return make(values)

    @classmethod
    def override(cls, profile: Profile, changes: Mapping[str, Any]) -> Profile:
        """The profile with some fields replaced, validated again; ``None`` resets one.

        Raises:
            UnknownField, InvalidValue, UnsupportedField: as `make` does.
        """
        return make(msgspec.to_builtins(profile) | dict(changes))

    # --- in a thread ----------------------------------------------------------------------------

    def _insert(self, profiles: Iterable[Profile], instead_of: Iterable[str]) -> None:
        """Save them in place of others, if no name is anybody else's."""
        with self._store.transaction():
            for name in instead_of:
                self._store.delete(Profile, name)
            for profile in profiles:
                refuse_taken(profile, self._store.list(Profile))
                self._store.put(profile)

    def _edit(self, name: str, changes: Mapping[str, Any]) -> tuple[Profile, Profile] | None:
        with self._store.transaction():  # so that who edits at the same time loses nothing
            old = self._store.get(Profile, name)
            if old is None:
                return None
            new = self.override(old, changes)
            self._insert([new], [name])
            return old, new

    def _import(
        self, wanted: Iterable[Profile], on_conflict: OnConflict
    ) -> tuple[builtins.list[tuple[Profile | None, Profile]], builtins.list[ImportedProfile]]:
        with self._store.transaction():
            there = {profile.name: profile for profile in self._store.list(Profile)}
            saved, told = document.merged(wanted, there.values(), on_conflict)
            for profile in saved:
                self._store.put(profile)
            return [(there.get(profile.name), profile) for profile in saved], told

    # --- telling --------------------------------------------------------------------------------

    async def _tell(self, old: Profile | None, new: Profile | None) -> None:
        await self._changed(old, new)
        await self.list()

    async def _watch(self) -> None:
        seen: tuple[int, ...] | None = None
        told = ""
        while True:
            try:
                stamp = self._store.stamp()
                if stamp != seen:
                    await self.list()
                    seen, told = stamp, ""
            except StoreUnusable as error:
                if str(error) != told:
                    self.log.warning("%s", error)
                    told = str(error)
            await asyncio.sleep(self.sync_interval)

    async def _unknown(self, name: str) -> UnknownProfile:
        close = nearest(name, [profile.name for profile in await self.list()])
        hint = f"Did you mean {' or '.join(close)}?" if close else "See 'profiles' for the list."
        return UnknownProfile(f"There is no profile named {name!r}.", hint)
