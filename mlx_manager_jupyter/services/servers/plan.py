"""What a request asks to run, checked before anything starts."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.adapters.engines.distributed.checks import check_distributed
from mlx_manager_jupyter.adapters.process import free_port, port_is_free
from mlx_manager_jupyter.errors import BadRequest, InvalidValue, PortTaken
from mlx_manager_jupyter.schema import StoredServer
from mlx_manager_jupyter.services.servers.examining import examine
from mlx_manager_jupyter.services.servers.matching import Matcher
from mlx_manager_jupyter.services.servers.order import overrides
from mlx_manager_jupyter.services.servers.spread import spread_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping
    from pathlib import Path

    from mlx_manager_jupyter.adapters.cache import ModelFolder
    from mlx_manager_jupyter.adapters.engines import Engine, Nature
    from mlx_manager_jupyter.schema import Identity, Profile, ProfileCheck, StartServer
    from mlx_manager_jupyter.services.profiles import ProfileManager
    from mlx_manager_jupyter.services.servers.matching import Match

#: In the environment of every engine that we start: finds one whose pid was never written down.
RUN_MARKER = "MLX_MANAGER_RUN"

#: For every process of an engine: write the log at once, and ask no Hub.
ALL_RANKS = {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}

#: Environment that no engine needs and no log should show.
SECRET = re.compile(r"TOKEN(?!IZERS)|SECRET|PASSWORD|API_KEY|CREDENTIAL", re.IGNORECASE)

#: Runs of a server whose logs are kept, the one about to start included.
RUNS_KEPT = 10


class Planner:
    """Turns a request into a `StoredServer` that can be launched, or says why not."""

    def __init__(
        self,
        *,
        profiles: ProfileManager,
        servable: Callable[[str], Awaitable[str]],
        cache: Path,
        me: Identity,
        logs: Path,
        engine_paths: Mapping[str, str],
        port_start: int,
        managed: Path | None = None,
        nature: Callable[[ModelFolder], Nature | None] = lambda _: None,
    ) -> None:
        """Hand over what it needs.

        Args:
            profiles: the saved ones.
            servable: the local model that loose words mean.
            cache: where repos are looked for.
            me: will own what is started.
            logs: folder of all servers' logs.
            engine_paths: executables by engine, where they are configured.
            port_start: the first port to try.
            managed: folder of the environments of engines that we make.
            nature: what a model is, by its files.
        """
        self.me = me
        self._servable = servable
        self._cache = cache
        self._profiles = profiles
        self._logs = logs
        self._matcher = Matcher(
            cache=cache, engine_paths=engine_paths, managed=managed, nature=nature
        )
        self._port_start = port_start

    async def settings(self, wanted: StartServer) -> tuple[str, Profile, str | None]:
        """Name, effective profile, and the name of the saved profile it came from.

        Raises:
            BadRequest: when the request names neither a model nor a profile, or both.
            UnknownProfile, UnknownField, InvalidValue: as `ProfileManager` does.
            AmbiguousModel: when loose words mean several local models.
        """
        if (wanted.model is None) == (wanted.profile is None):
            raise BadRequest("Name either a model or a profile.")
        saved: Profile | None = None
        if wanted.profile is not None:
            saved = await self._profiles.get(wanted.profile)
        elif wanted.model is not None:
            saved = await self._profiles.find(wanted.model)
        changes = overrides(wanted)
        if saved is not None:
            return wanted.name or saved.name, self._profiles.override(saved, changes), saved.name
        elsewhere = changes.get("engine") in {"remote", "command"}
        model = wanted.model or ""
        model = model if elsewhere else await self._servable(model)
        name = wanted.name or default_name(model)
        return name, self._profiles.make({"name": name, "model": model, **changes}), None

    async def prepare(
        self,
        name: str,
        profile: Profile,
        profile_name: str | None,
        *,
        keep: bool,
        taken: Collection[int],
    ) -> StoredServer:
        """Check model, engine, options and port, and write the command line.

        Raises:
            UnknownModel, NoWeights, CorruptWeights: what is wrong with the model's files.
            EngineMissing, UnsupportedField: what is wrong with the engine.
            PortTaken: when the port that the profile fixes is not free.
            InvalidValue: when this machine lacks the host or a file that the profile names.
        """
        return await asyncio.to_thread(self._prepare, name, profile, profile_name, keep, taken)

    async def examine(self, profile: Profile) -> ProfileCheck:
        """What starting this profile would say, field by field. It raises for no profile."""
        return await asyncio.to_thread(examine, self._matcher, profile)

    def environment(self, stored: StoredServer) -> dict[str, str]:
        """The engine's environment: ours without secrets, the engine's, the profile's."""
        inherited = {key: value for key, value in os.environ.items() if not SECRET.search(key)}
        ours = {
            **ALL_RANKS,
            # Where the models are that it may list: mlx-lm's /v1/models is empty without a folder.
            "HF_HUB_CACHE": str(self._cache),
        }
        engine = ENGINES[stored.engine]
        key = {engine.key_variable: stored.api_key} if stored.api_key else {}
        marker = {RUN_MARKER: stored.run}  # last, so that no profile can hide its engine
        return {**inherited, **ours, **engine.env, **stored.profile.env, **key, **marker}

    def _prepare(
        self,
        name: str,
        profile: Profile,
        profile_name: str | None,
        keep: bool,  # noqa: FBT001  runs in a thread, which takes no keywords
        taken: Collection[int],
    ) -> StoredServer:
        match = self._matcher.match(profile)
        match.engine.check(match.profile, match.installation)
        check_distributed(match.installation, match.profile, match.path)
        try:
            host, port = self._place(match, taken)
            argv = match.engine.argv(match.installation, match.profile, match.path, host, port)
        except (OSError, UnicodeDecodeError) as error:  # no such address, or no such file
            message = f"{name!r} can't be started with these settings: {error}."
            raise InvalidValue(message, "Correct the profile, or 'set' the field.") from error
        run = secrets.token_hex(8)
        log = self._logs / name / f"{time.strftime('%Y%m%d-%H%M%S')}-{run[:4]}.log"
        _forget_old_runs(log.parent)
        argv = spread_out(
            match,
            argv,
            port=port,
            taken=taken,
            folder=log.parent,
            env={**ALL_RANKS, RUN_MARKER: run},
            secret=SECRET,
        )
        with suppress(OSError):  # a cache that can't be made is no model's that we found
            self._cache.mkdir(parents=True, exist_ok=True)
        return StoredServer(
            name=name,
            run=run,
            profile=profile,
            profile_name=profile_name,
            engine=match.engine.kind,
            argv=argv,
            host=host,
            port=port,
            log=str(log),
            keep=keep,
            wanted=True,
            owner=self.me,
            size_bytes=match.folder.size_bytes if match.folder else None,
            revision=match.folder.revision if match.folder else None,
            engine_version=match.installation.version,
            served_name=match.engine.served_name(match.installation, match.profile, match.path),
            base_url=profile.base_url if match.engine.kind == "remote" else None,
            api_key=_key_of(match.engine, profile),
        )

    def _place(self, match: Match, taken: Collection[int]) -> tuple[str, int]:
        profile = match.profile
        if match.engine.kind == "remote":
            return _place_in(profile.base_url or "")
        return profile.host, self._port(profile, taken)

    def _port(self, profile: Profile, taken: Collection[int]) -> int:
        if profile.port is None:
            return free_port(profile.host, self._port_start, taken)
        if profile.port in taken or not port_is_free(profile.host, profile.port):
            message = f"Port {profile.port} is taken."
            raise PortTaken(message, "Choose another --port, or leave it unset.")
        return profile.port


def _key_of(engine: Engine, profile: Profile) -> str | None:
    """What the engine is to ask for: a new key, unless the profile says which."""
    variable = engine.key_variable
    return (profile.env.get(variable) or secrets.token_urlsafe(32)) if variable else None


def _place_in(base_url: str) -> tuple[str, int]:
    try:
        url = urlsplit(base_url)
        port = url.port or (443 if url.scheme == "https" else 80)
    except ValueError as error:
        message = f"'base_url' is no URL: {error}."
        raise InvalidValue(message, "Give one like http://host/v1.") from error
    return url.hostname or "", port


def default_name(model: str) -> str:
    """A server's name for an unsaved model: the last part of its id or path, made typeable."""
    last = model.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-._")[:64] or "model"


def _forget_old_runs(folder: Path) -> None:
    runs = sorted(folder.glob("*.log"))
    for old in runs[: 1 - RUNS_KEPT]:
        old.unlink(missing_ok=True)
        old.with_name(f"{old.name}.1").unlink(missing_ok=True)
