"""Profiles: saved, validated ways to run a model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.errors import (
    InvalidValue,
    NameTaken,
    UnknownField,
    UnknownProfile,
    nearest,
)
from mlx_manager_jupyter.schema import Profile, ProfileChanged, ProfileRemoved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.schema import Event

#: Engines have no authentication, so anything but loopback would open them to the network.
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

#: What the extension itself tells every engine.
OUR_FLAGS = ("--host", "--port", "--model")


class ProfileManager(LoggingConfigurable):
    """Creates, reads, lists and deletes profiles; the store is the only copy."""

    def __init__(self, store: Store, publish: Callable[[Event], None], **kwargs: object) -> None:
        super().__init__(**kwargs)
        self._store = store
        self._publish = publish
        self.records: tuple[Profile, ...] = ()
        """All profiles as of the last look, by name; advisory."""

    async def list(self) -> tuple[Profile, ...]:
        """All profiles, by name."""
        found = await asyncio.to_thread(self._store.list, Profile)
        self.records = tuple(sorted(found, key=lambda profile: profile.name.casefold()))
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

    async def create(self, values: Mapping[str, Any]) -> Profile:
        """Save a new profile.

        Raises:
            UnknownField: naming the nearest field.
            InvalidValue: naming the field and its range.
            NameTaken: when there is one of that name; nothing is changed then.
        """
        profile = self.make(values)
        await asyncio.to_thread(self._insert, profile)
        await self.list()
        self._publish(ProfileChanged(profile=profile))
        return profile

    async def delete(self, name: str) -> None:
        """Forget a profile. A server that runs from it goes on.

        Raises:
            UnknownProfile: naming the nearest ones.
        """
        if not await asyncio.to_thread(self._store.delete, Profile, name):
            raise await self._unknown(name)
        await self.list()
        self._publish(ProfileRemoved(name=name))

    @staticmethod
    def make(values: Mapping[str, Any]) -> Profile:
        """A validated profile from plain values.

        Raises:
            UnknownField: naming the nearest field.
            InvalidValue: naming the field and what it may be.
        """
        for field in values:
            if field not in Profile.__struct_fields__:
                close = nearest(str(field), Profile.__struct_fields__)
                hint = f"Did you mean {' or '.join(close)}?" if close else None
                raise UnknownField(f"Profiles have no field {field!r}.", hint)
        try:
            profile = msgspec.convert(dict(values), Profile)
        except msgspec.ValidationError as error:
            message = f"{str(error).replace('`$.', '`')}."
            raise InvalidValue(message, "Correct the value; nothing was changed.") from error
        if not profile.model and profile.engine not in {"remote", "command"}:
            raise InvalidValue("'model' is missing.", "Name a model of this machine, or a folder.")
        if profile.host not in LOOPBACK:
            message = f"'host' is {profile.host!r}, but engines ask nobody for a key."
            raise InvalidValue(message, "Leave it unset, and let others use the gateway.")
        for word in profile.extra_args:
            # An engine takes `--ho=…` for `--host …`, and the last one wins.
            flag = word.partition("=")[0]
            if len(flag) > len("--") and any(ours.startswith(flag) for ours in OUR_FLAGS):
                message = f"'extra_args' may not say {flag}: it would undo what is checked."
                raise InvalidValue(message, "Use the fields 'host', 'port' and 'model'.")
        return profile

    @classmethod
    def override(cls, profile: Profile, changes: Mapping[str, Any]) -> Profile:
        """The profile with some fields replaced, validated again.

        Raises:
            UnknownField, InvalidValue: as `make` does.
        """
        return cls.make(msgspec.to_builtins(profile) | dict(changes))

    def _insert(self, profile: Profile) -> None:
        with self._store.transaction():
            if self._store.get(Profile, profile.name):
                message = f"There is a profile named {profile.name!r} already."
                raise NameTaken(message, "Delete it first, or choose another name.")
            self._store.put(profile)

    async def _unknown(self, name: str) -> UnknownProfile:
        close = nearest(name, [profile.name for profile in await self.list()])
        hint = f"Did you mean {' or '.join(close)}?" if close else "See 'profiles' for the list."
        return UnknownProfile(f"There is no profile named {name!r}.", hint)
