"""What an engine is to us: data. Which profile field is which flag, and what its words mean.

Pure, but for reading a template that a profile names; finding engines is `installed`'s work.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.errors import (
    EngineCrashed,
    MLXManagerError,
    PortTaken,
    StartFailed,
    UnsupportedField,
)
from mlx_manager_jupyter.schema import Profile

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Mapping, Sequence

    from mlx_manager_jupyter.schema import EngineKind

#: Fields that are ours: they choose or describe the server and never reach an engine's argv.
OUR_FIELDS = frozenset(
    {"name", "description", "model", "revision", "engine", "host", "port", "aliases", "env"}
    | {"extra_args"}
)


@dataclass(frozen=True, slots=True)
class Flag:
    """How one profile field becomes command-line words."""

    name: str
    kind: str = "value"
    """``value``: flag and text; ``switch``: the flag alone when true; ``json``: flag and JSON;
    ``file``: flag and the *content* of the file that the field names."""

    def words(self, value: Any) -> list[str]:  # noqa: ANN401  a profile field has any type
        """The words for this value; none when a switch is off."""
        if self.kind == "switch":
            return [self.name] if value else []
        if self.kind == "json":
            return [self.name, json.dumps(value)]
        if self.kind == "file":
            return [self.name, _content(value)]
        return [self.name, str(value)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a log line means: the error it stands for. ``{0}`` is the pattern's first group."""

    pattern: re.Pattern[str]
    error: type[MLXManagerError]
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A request whose 200 proves that the engine answers for its model."""

    path: str
    body: Mapping[str, Any] | None = None
    """What is posted; without it the path is only got."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One engine. Adding one is one file like `mlx_lm` and one test file."""

    kind: EngineKind
    executable: str
    distribution: str
    install_hint: str
    flags: Mapping[str, Flag]
    request_fields: frozenset[str]
    """Profile fields that the gateway puts into each request, for want of a flag."""
    served_name: str
    """What ``model`` must be upstream, whatever the client called it."""
    withheld: frozenset[str]
    """Request keys that would make the engine load something else."""
    probe: Probe
    health: Probe = Probe(path="/health")
    """A request that a ready one answers with 200, however busy it is, unless something is wrong."""
    fatal: re.Pattern[str]
    """A log line after which the engine will never be ready, though it may stay alive."""
    meanings: Sequence[Meaning]
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def honoured(self) -> frozenset[str]:
        """Every profile field that this engine can honour."""
        return OUR_FIELDS | self.flags.keys() | self.request_fields

    def check(self, profile: Profile, known_flags: Collection[str] | None = None) -> None:
        """Refuse fields that the engine, or its installed version, does not have.

        ``known_flags`` are the long options of the installed version's own ``--help``.

        Raises:
            UnsupportedField: naming the field and the engine.
        """
        for name in _set_fields(profile):
            if name not in self.honoured:
                message = f"{self.kind} can't honour the field {name!r}."
                raise UnsupportedField(message, "Leave it out, or use another engine.")
            flag = self.flags.get(name)
            if known_flags is not None and flag and flag.name not in known_flags:
                message = f"The installed {self.kind} has no {flag.name}, so {name!r} can't be set."
                raise UnsupportedField(message, f"Upgrade it: {self.install_hint}")

    def argv(
        self, command: Sequence[str], profile: Profile, model: Path, host: str, port: int
    ) -> tuple[str, ...]:
        """The command line that serves ``model`` (a local folder) at ``host:port``."""
        words = [*command, "--model", str(model), "--host", host, "--port", str(port)]
        for name, value in _set_fields(profile).items():
            if name in self.flags:
                words += self.flags[name].words(value)
        return (*words, *profile.extra_args)

    def flags_used(self, profile: Profile) -> frozenset[str]:
        """The long options that this profile asks for."""
        used = self.flags.keys() & _set_fields(profile).keys()
        return frozenset(self.flags[name].name for name in used)

    def diagnose(
        self,
        kind: str,
        detail: str,
        tail: Sequence[str],
        *,
        exit_code: int | None = None,
        signal: int | None = None,
    ) -> MLXManagerError:
        """Say in words why a start or a run failed.

        ``kind`` is how the process adapter saw it (``exited``, ``fatal_line``, ``port_taken``,
        ``timeout``, ``silent``, ``spawn``), ``tail`` the log's last lines. The log decides, since
        exit codes of engines don't tell a crash from a stop; the last matching line wins.
        """
        for line in (detail, *reversed(tail)):
            for meaning in self.meanings:
                if found := meaning.pattern.search(line):
                    groups = found.groups() or ("",)
                    return meaning.error(meaning.message.format(*groups), meaning.hint, tail)
        if kind == "port_taken":
            return PortTaken(detail, "Choose another --port, or none.", tail)
        if kind == "timeout":
            return StartFailed(detail, "The log says how far it came.", tail)
        if kind == "silent":
            return EngineCrashed(detail, "See the log.", tail)
        if kind == "spawn":
            return StartFailed(f"{self.executable} could not be started: {detail}", None, tail)
        how = f"signal {signal}" if signal else f"exit code {exit_code}"
        how = how if signal or exit_code is not None else "no exit code known"
        return EngineCrashed(f"{self.executable} ended by itself ({how}).", "See the log.", tail)


def _set_fields(profile: Profile) -> dict[str, Any]:
    unset = {name: default for name, default in _DEFAULTS.items() if name not in OUR_FIELDS}
    values = {name: getattr(profile, name) for name in unset}
    return {name: value for name, value in values.items() if value != unset[name]}


def _content(path: str) -> str:
    return Path(path).expanduser().read_text("utf-8")


_DEFAULTS = {
    name: getattr(Profile(name="x", model="x"), name) for name in Profile.__struct_fields__
}
