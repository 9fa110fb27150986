"""Profiles as a document, and back again. Pure."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from mlx_manager_jupyter.errors import InvalidValue
from mlx_manager_jupyter.schema import ImportedProfile, Profile, ProfileDocument
from mlx_manager_jupyter.services.profiles.names import collisions, refuse_taken
from mlx_manager_jupyter.services.profiles.validation import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    OnConflict = Literal["refuse", "skip", "replace", "rename"]

#: Of the document. A newer one may hold what this version would lose.
VERSION = 1

#: Variables and options that hold what is nobody else's business.
_SECRET = re.compile(r"TOKEN(?!IZER)|SECRET|PASSW|API[_-]?KEY|CREDENTIAL", re.IGNORECASE)

#: What no profile's name is longer than.
_LONGEST = 64

_EMPTY = Profile(name="x")


def export(profiles: Iterable[Profile]) -> ProfileDocument:
    """Only what is set of each, without secrets, and which those were."""
    withheld: list[str] = []
    values = [_shown(profile, withheld) for profile in profiles]
    return ProfileDocument(version=VERSION, profiles=tuple(values), withheld=tuple(withheld))


def profiles_in(document: object) -> list[Profile]:
    """The profiles of a document, or of a plain list of them.

    Raises:
        InvalidValue: it is none, is of a newer version, or a profile in it is wrong; the message
            says which, and all that is wrong with it.
    """
    if isinstance(document, dict) and "profiles" in document:
        version, document = document.get("version", VERSION), document["profiles"]
        if not isinstance(version, int) or version > VERSION:
            message = f"The document is of version {version!r}, this one knows {VERSION}."
            raise InvalidValue(message, "Upgrade mlx-manager-jupyter.")
    if not isinstance(document, list | tuple) or not all(isinstance(one, dict) for one in document):
        message = "That is no document of profiles: it has no list 'profiles'."
        raise InvalidValue(message, "Give what 'profiles export' has written.")
    found: list[Profile] = []
    for number, values in enumerate(document, 1):
        reading = read(values)
        if reading.problems:
            said = " ".join(str(error) for _, error in reading.problems)
            raise InvalidValue(f"Profile {number} ({values.get('name', 'unnamed')}): {said}")
        found.append(reading.profile)
    return found


def merged(
    wanted: Iterable[Profile], known: Iterable[Profile], on_conflict: OnConflict
) -> tuple[list[Profile], list[ImportedProfile]]:
    """What is to be saved, and what was decided for each profile of a document.

    Raises:
        NameTaken: a name or an alias is another profile's, and nothing else was asked for.
    """
    there = {profile.name: profile for profile in known}
    saved: list[Profile] = []
    told: list[ImportedProfile] = []
    for profile in wanted:
        did: Literal["created", "replaced", "renamed", "skipped"] = "created"
        placed, was = profile, None
        if on_conflict == "replace" and profile.name in there:
            did = "replaced"
            del there[profile.name]
        elif on_conflict != "replace" and any(collisions(profile, there.values())):
            if on_conflict == "skip":
                told.append(ImportedProfile(name=profile.name, did="skipped"))
                continue
            if on_conflict == "rename":
                placed = _renamed(profile, there)
                if placed.name != profile.name:
                    did, was = "renamed", profile.name
        refuse_taken(placed, there.values())
        there[placed.name] = placed
        saved.append(placed)
        told.append(ImportedProfile(name=placed.name, did=did, was=was))
    return saved, told


def _renamed(profile: Profile, there: Mapping[str, Profile]) -> Profile:
    """Under the first free name, without the aliases that are another's."""
    taken = {name for other in there.values() for name in (other.name, *other.aliases)}
    name = profile.name
    for number in itertools.count(2):
        if name not in taken:
            break
        ending = f"-{number}"
        name = profile.name[: _LONGEST - len(ending)] + ending
    aliases = tuple(alias for alias in profile.aliases if alias not in {*taken, name})
    return replace(profile, name=name, aliases=aliases)


def _shown(profile: Profile, withheld: list[str]) -> dict[str, Any]:
    hidden = filter(_SECRET.search, profile.env)
    withheld += [f"{profile.name}: env {name}" for name in hidden]
    open_env = {key: value for key, value in profile.env.items() if not _SECRET.search(key)}
    shown = replace(
        profile,
        env=open_env,
        extra_args=_without_secrets(profile, "extra_args", withheld),
        command=_without_secrets(profile, "command", withheld),
        base_url=_without_login(profile, withheld),
    )
    plain: dict[str, Any] = msgspec.to_builtins(shown)
    unset = msgspec.to_builtins(_EMPTY)
    return {key: value for key, value in plain.items() if key == "name" or value != unset[key]}


def _without_secrets(profile: Profile, field: str, withheld: list[str]) -> tuple[str, ...]:
    """``--api-key X`` and ``--api-key=X`` go, with their values."""
    kept: list[str] = []
    drop_next = False
    for word in getattr(profile, field):
        flag, equals, _ = word.partition("=")
        if drop_next and not word.startswith("-"):
            drop_next = False
            continue
        drop_next = False
        if flag.startswith("-") and _SECRET.search(flag):
            withheld.append(f"{profile.name}: {field} {flag}")
            drop_next = not equals
            continue
        kept.append(word)
    return tuple(kept)


def _without_login(profile: Profile, withheld: list[str]) -> str | None:
    """A URL without the name and the password that it may carry."""
    if profile.base_url is None:
        return None
    url = urlsplit(profile.base_url)
    if "@" not in url.netloc:
        return profile.base_url
    withheld.append(f"{profile.name}: base_url login")
    return url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
