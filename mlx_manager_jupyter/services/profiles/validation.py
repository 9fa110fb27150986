"""Whether the values of a profile are right, field by field. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.errors import InvalidValue, MLXManagerError, UnknownField, UnsupportedField
from mlx_manager_jupyter.names import nearest
from mlx_manager_jupyter.schema import Profile
from mlx_manager_jupyter.services.profiles.wording import worded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Problems = Iterator[tuple[str, MLXManagerError]]

#: Engines have no authentication, so anything but loopback would open them to the network.
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

#: What the extension itself tells every engine, by every name that an engine has for it.
#: ``--config`` makes mlx-openai-server ignore all the others.
OUR_FLAGS = ("--host", "--port", "--model", "--model-path", "--served-model-name", "--config")

#: Paths below ``profiles/`` that are no profile.
RESERVED = frozenset({"check", "export", "import", "starting-points"})

#: Stands for a name or a model that is not there yet, so that the rest can be looked at.
NAMELESS = "unnamed"

#: How texts are to be written whose form is checked.
_WRITTEN = {
    "name": "Use letters, digits, '.', '_' and '-'; begin with a letter or digit; at most 64.",
    "aliases": "Use letters, digits, '.', '_' and '-'; begin with a letter or digit; at most 64.",
    "ready_path": "Begin it with '/'.",
    "base_url": "Give one like http://host:8080/v1.",
    "api_key_env": "Give the name of a variable that has the key, not the key.",
}

#: Fields that only one kind of engine knows, and that are no reason to choose it.
_BELONGS = {"ready_path": "command", "api_key_env": "remote"}


class Reading(Struct, frozen=True):
    """What became of plain values."""

    profile: Profile
    """Made of those that are right."""
    problems: tuple[tuple[str, MLXManagerError], ...]


def read(values: Mapping[str, Any]) -> Reading:
    """Take plain values apart; ``None`` is as good as not given. It raises for no value."""
    problems: list[tuple[str, MLXManagerError]] = []
    sound: dict[str, Any] = {}
    for field, value in values.items():
        if field not in Profile.__struct_fields__:
            problems.append((field, unknown_field(field)))
        elif value is not None:
            try:
                msgspec.convert({"name": NAMELESS, field: value}, Profile)
            except msgspec.ValidationError as error:
                problems.append((field, _invalid(field, value, error)))
            else:
                sound[field] = value
    wrong = {field for field, _ in problems}
    if "name" not in sound and "name" not in wrong:
        hint = "Give it one: it is what you type to run it."
        problems.append(("name", InvalidValue("'name' is missing.", hint)))
    profile = msgspec.convert({"name": NAMELESS, **sound}, Profile)
    problems += [found for found in _rules(profile) if found[0] not in wrong]
    return Reading(profile, tuple(problems))


def make(values: Mapping[str, Any]) -> Profile:
    """A validated profile from plain values.

    Raises:
        UnknownField: naming the nearest field.
        InvalidValue: naming the field and what it may be.
        UnsupportedField: the engine that it names has no such field in any version.
    """
    reading = read(values)
    for _, error in reading.problems:
        raise error
    return reading.profile


def unknown_field(field: object) -> UnknownField:
    """The error that names the nearest field."""
    close = nearest(str(field), Profile.__struct_fields__)
    hint = f"Did you mean {' or '.join(close)}?" if close else None
    return UnknownField(f"Profiles have no field {str(field)[:64]!r}.", hint)


def _invalid(field: str, value: object, error: msgspec.ValidationError) -> InvalidValue:
    if "matching regex" in str(error) and field in _WRITTEN:
        # Without the value: who takes the key for the variable's name must not read it here.
        return InvalidValue(f"{field!r} is not written as it should be.", _WRITTEN[field])
    return InvalidValue(worded(field, value, error), "Correct the value; nothing was changed.")


def _rules(profile: Profile) -> Problems:
    """What one field alone does not tell."""
    yield from _engine(profile)
    yield from _host(profile)
    yield from _distributed(profile)
    yield from _words(profile)
    if profile.name in RESERVED:
        yield "name", InvalidValue(f"{profile.name!r} is no name for a profile.", "Take another.")
    if profile.name in profile.aliases or len(set(profile.aliases)) < len(profile.aliases):
        message = "'aliases' names the profile itself, or the same alias twice."
        yield "aliases", InvalidValue(message, "Give each name once.")


def _engine(profile: Profile) -> Problems:
    """What it needs, and what belongs to another kind of engine."""
    kind = profile.engine
    if kind == "auto" and profile.command and profile.base_url:
        message = "'command' starts a program here, 'base_url' is one elsewhere."
        yield "base_url", InvalidValue(message, "Give one of them.")
        return
    if kind == "auto":
        kind = "command" if profile.command else "remote" if profile.base_url else "auto"
    if not profile.model and kind not in {"remote", "command"}:
        hint = "Name a model of this machine, or a folder."
        yield "model", InvalidValue("'model' is missing.", hint)
    if kind == "auto":
        for field, owner in _BELONGS.items():
            if getattr(profile, field) != getattr(_EMPTY, field):
                message = f"{field!r} belongs to profiles of the engine {owner!r}."
                yield field, UnsupportedField(message, f"Set engine={owner}, or leave it out.")
        return
    for field, error in ENGINES[kind].refusals(profile):
        # The variable with the key, and the name to ask for, may come later: a start will say so.
        if kind == "remote" and field in {"api_key_env", "model"}:
            continue
        yield field, error


def _host(profile: Profile) -> Problems:
    if not profile.host.strip():
        yield "host", InvalidValue("'host' is empty.", "Leave it unset to use 127.0.0.1.")
    elif profile.host not in LOOPBACK and not profile.host_confirmed:
        message = (
            f"'host' is {profile.host!r}, but engines ask nobody for a key: everybody who reaches "
            "it could use the model."
        )
        hint = (
            "Leave it unset, and let others use the gateway; or set host_confirmed=true if that "
            "is meant."
        )
        yield "host", InvalidValue(message, hint)


def _distributed(profile: Profile) -> Problems:
    spread = profile.distributed
    if spread is None:
        return
    given = [bool(spread.hosts), spread.hostfile is not None, spread.ranks is not None]
    if sum(given) != 1:
        message = "'distributed' needs exactly one of 'hosts', 'hostfile' and 'ranks'."
        yield "distributed", InvalidValue(message, "Say over what the model is spread, once.")
    elif any(not host.strip() or host.startswith("-") for host in spread.hosts):
        message = "'distributed' has a host without a name."
        yield "distributed", InvalidValue(message, "Give names or addresses, this machine first.")


def _words(profile: Profile) -> Problems:
    """What becomes the command line and the environment of a process."""
    for word in profile.extra_args:
        # An engine takes `--ho=…` for `--host …`, and the last one wins.
        flag = word.partition("=")[0]
        if len(flag) > len("--") and any(ours.startswith(flag) for ours in OUR_FLAGS):
            message = f"'extra_args' may not say {flag}: it would undo what is checked."
            yield "extra_args", InvalidValue(message, "Use the fields 'host', 'port' and 'model'.")
    try:
        _ = urlsplit(profile.base_url or "").port
    except ValueError as error:
        hint = "Give one like http://host:8080/v1."
        yield "base_url", InvalidValue(f"'base_url' is no URL: {error}.", hint)
    for field, words in (("extra_args", profile.extra_args), ("command", profile.command)):
        if any("\0" in word for word in words):
            yield field, InvalidValue(f"{field!r} has a zero byte in a word.", "Take it out.")
    for name, value in profile.env.items():
        if not name or "=" in name or "\0" in name + value:
            message = f"'env' has {name!r}, which can be no variable."
            yield "env", InvalidValue(message, "Names have no '='; neither part has a zero byte.")


_EMPTY = Profile(name=NAMELESS)
