"""What an engine is to us: data. Which profile field is which flag, and what its words mean.

Pure, but for reading a template that a profile names; finding engines is `finding`'s work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mlx_manager_jupyter.adapters.engines import refusing
from mlx_manager_jupyter.adapters.engines.fields import MODEL, set_fields
from mlx_manager_jupyter.adapters.engines.meaning import Meaning, diagnose
from mlx_manager_jupyter.adapters.engines.probe import Probe

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlx_manager_jupyter.adapters.engines.flag import Flag
    from mlx_manager_jupyter.adapters.engines.installed import Installation
    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.schema import EngineKind, Profile, StoredServer


class Engine(Struct, frozen=True, kw_only=True):
    """One engine. Adding one is one file like `mlx_lm` and one test file.

    Where an engine is told something in its own way, its file overrides a method.
    """

    kind: EngineKind
    executable: str = ""
    """Its program; empty for what needs none."""
    subcommand: tuple[str, ...] = ()
    """What the program has to be told first."""
    distribution: str = ""
    install_hint: str = ""
    model_flag: str = "--model"
    """Takes the model's folder."""
    flags: Mapping[str, Flag] = field(default_factory=dict)
    """By profile field. A field is honoured if the installed version's help lists its flag."""
    request_fields: Mapping[str, str] = field(default_factory=dict)
    """By profile field, the key of a request that it becomes, for want of a flag in some version.
    What a client says itself wins."""
    fields: frozenset[str] = MODEL
    """Profile fields that we honour ourselves for what this engine runs."""
    model_types: frozenset[str] = frozenset()
    """What it can be told to run; anything if empty."""
    offers: frozenset[str] = frozenset()
    """What of OpenAI's interface, and of Anthropic's, it answers: paths below ``/v1/``."""
    guessed: bool = False
    """Nobody knows what it really offers: its own 404 tells."""
    carries: frozenset[str] = frozenset()
    """Request keys whose answer has a place in a stream that not every engine gives it."""
    ignores: frozenset[str] = frozenset()
    """Request keys that it takes without a word, and does not heed."""
    withheld: frozenset[str] = frozenset()
    """Request keys that would make the engine load something else."""
    fatal: re.Pattern[str] | None = None
    """A log line after which the engine will never be ready, though it may stay alive."""
    meanings: Sequence[Meaning] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    key_variable: str = ""
    """Of its environment: the key that it wants to be shown then. Empty if it has no such thing."""

    def honoured(self, installation: Installation | None = None) -> frozenset[str]:
        """Every profile field that it can honour: as installed, or in any version.

        Raises:
            EngineMissing: the installed one can't even print its help.
        """
        known = set(self.flags)
        if installation is not None:
            listed = installation.flags
            known = {name for name, flag in self.flags.items() if flag.name in listed}
        return self.fields | known | self.request_fields.keys()

    def check(self, profile: Profile, installation: Installation | None = None) -> None:
        """Refuse what the engine, or its installed version, can't honour.

        Raises:
            UnsupportedField: naming the field, the engine, and the engines that can.
            InvalidValue: a value that its help does not list, naming the nearest.
            EngineMissing: it can't even print its help.
        """
        for _, error in self.refusals(profile, installation):
            raise error

    def refusals(
        self, profile: Profile, installation: Installation | None = None
    ) -> Iterator[tuple[str, MLXManagerError]]:
        """All that `check` would raise, with the fields."""
        yield from refusing.fields(self, profile, installation)
        yield from refusing.values(self, profile, installation)

    def argv(
        self,
        installation: Installation,
        profile: Profile,
        model: Path | None,
        host: str,
        port: int,
    ) -> tuple[str, ...]:
        """The command line that serves ``model`` (a local folder) at ``host:port``.

        ``profile.model_type`` says what is served; ``auto`` means text.

        Raises:
            OSError, UnicodeDecodeError: a file that the profile names can't be read.
            EngineMissing: it can't even print its help.
        """
        words = [*installation.command]
        if model is not None:
            words += [self.model_flag_of(profile), str(model)]
        words += ["--host", host, "--port", str(port)]
        for name, value in set_fields(profile).items():
            flag = self.flags.get(name)
            # What is honoured in another way too, is no reason to be refused by an old version.
            otherwise = name in self.fields or name in self.request_fields
            if flag and (not otherwise or flag.name in installation.flags):
                words += flag.words(value)
        return (*words, *self.own_words(installation, profile), *profile.extra_args)

    def model_flag_of(self, profile: Profile) -> str:  # noqa: ARG002  for those that have several
        """The flag that takes a model of this type."""
        return self.model_flag

    def own_words(self, installation: Installation, profile: Profile) -> list[str]:  # noqa: ARG002
        """More words, whatever the profile says: to work around what a version does wrong."""
        return []

    def served_name(
        self,
        installation: Installation,  # noqa: ARG002  the answer may depend on the version
        profile: Profile,
        model: Path | None,
    ) -> str:
        """What ``model`` must be upstream, whatever the client called it."""
        return str(model) if model else profile.model or profile.name

    def request_values(self, profile: Profile) -> dict[str, Any]:
        """What the gateway puts into a chat request that says nothing of it itself."""
        values = set_fields(profile)
        return {key: values[name] for name, key in self.request_fields.items() if name in values}

    def withheld_from(self, profile: Profile) -> frozenset[str]:  # noqa: ARG002  it may depend
        """Keys of a client's request that it is not told."""
        return self.withheld

    def probe(self, stored: StoredServer) -> Probe:
        """What proves that it answers for its model."""
        return self.health(stored)

    def health(self, stored: StoredServer) -> Probe:  # noqa: ARG002  some tell by what they run
        """What a ready one answers quickly, however busy it is, unless something is wrong."""
        return Probe(path="/health")

    def url(self, stored: StoredServer, path: str) -> str:
        """Where it answers ``path``, which begins with ``/v1/`` for what OpenAI has."""
        host = f"[{stored.host}]" if ":" in stored.host else stored.host
        return f"http://{host}:{stored.port}{path}"

    def headers(self, stored: StoredServer) -> dict[str, str]:
        """What every request to it carries."""
        return {"Authorization": f"Bearer {stored.api_key}"} if stored.api_key else {}

    def endpoints(
        self,
        version: str | None,  # noqa: ARG002  the answer may depend on it
        profile: Profile,  # noqa: ARG002  and on what is served
    ) -> frozenset[str]:
        """What it answers for this profile: paths below ``/v1/``."""
        return self.offers

    def running(self, stored: StoredServer) -> Profile:
        """Its settings, with the type of model that it was started for: ``auto`` says nothing."""
        return stored.profile

    def is_fatal(self, line: str) -> bool:
        """Whether it will never be ready after this line of its log."""
        return bool(self.fatal and self.fatal.search(line))

    def diagnose(
        self,
        kind: str,
        detail: str,
        tail: Sequence[str],
        *,
        exit_code: int | None = None,
        signal: int | None = None,
    ) -> MLXManagerError:
        """Say in words why a start or a run failed; see `meaning.diagnose`."""
        program = self.executable or self.kind
        return diagnose(
            program, self.meanings, kind, detail, tail, exit_code=exit_code, signal=signal
        )
