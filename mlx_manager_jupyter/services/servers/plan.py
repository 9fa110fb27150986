"""What a request asks to run, checked before anything starts."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.adapters.cache import locate
from mlx_manager_jupyter.adapters.engines import ENGINES, find, known_flags
from mlx_manager_jupyter.adapters.process import free_port, port_is_free
from mlx_manager_jupyter.errors import BadRequest, InvalidValue, PortTaken
from mlx_manager_jupyter.schema import StoredServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping
    from pathlib import Path

    from mlx_manager_jupyter.schema import Identity, Profile, StartServer
    from mlx_manager_jupyter.services.profiles import ProfileManager

#: In the environment of every engine that we start: finds one whose pid was never written down.
RUN_MARKER = "MLX_MANAGER_RUN"

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
        """
        self.me = me
        self._servable = servable
        self._cache = cache
        self._profiles = profiles
        self._logs = logs
        self._engine_paths = engine_paths
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
        named = {
            "engine": wanted.engine,
            "port": wanted.port,
            "context_length": wanted.context_length,
            "idle_unload_seconds": wanted.ttl,
        }
        given = {field: value for field, value in named.items() if value is not None}
        changes: dict[str, Any] = {**wanted.set, **given}
        if saved is not None:
            return wanted.name or saved.name, self._profiles.override(saved, changes), saved.name
        model = await self._servable(wanted.model or "")
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

    def environment(self, stored: StoredServer) -> dict[str, str]:
        """The engine's environment: ours without secrets, the engine's, the profile's."""
        inherited = {key: value for key, value in os.environ.items() if not SECRET.search(key)}
        ours = {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}
        marker = {RUN_MARKER: stored.run}  # last, so that no profile can hide its engine
        return {**inherited, **ours, **ENGINES[stored.engine].env, **stored.profile.env, **marker}

    def _prepare(
        self,
        name: str,
        profile: Profile,
        profile_name: str | None,
        keep: bool,  # noqa: FBT001  runs in a thread, which takes no keywords
        taken: Collection[int],
    ) -> StoredServer:
        folder = locate(profile.model, profile.revision, cache=self._cache)
        engine = ENGINES["mlx-lm" if profile.engine == "auto" else profile.engine]
        installed = find(engine, self._engine_paths.get(engine.kind))
        engine.check(profile, known_flags(installed) if engine.flags_used(profile) else None)
        try:
            port = self._port(profile, taken)
            argv = engine.argv(installed.command, profile, folder.path, profile.host, port)
        except (OSError, UnicodeDecodeError) as error:  # no such address, or no such file
            message = f"{name!r} can't be started with these settings: {error}."
            raise InvalidValue(message, "Correct the profile, or 'set' the field.") from error
        run = secrets.token_hex(8)
        log = self._logs / name / f"{time.strftime('%Y%m%d-%H%M%S')}-{run[:4]}.log"
        _forget_old_runs(log.parent)
        return StoredServer(
            name=name,
            run=run,
            profile=profile,
            profile_name=profile_name,
            engine=engine.kind,
            argv=argv,
            host=profile.host,
            port=port,
            log=str(log),
            keep=keep,
            wanted=True,
            owner=self.me,
            size_bytes=folder.size_bytes,
            revision=folder.revision,
        )

    def _port(self, profile: Profile, taken: Collection[int]) -> int:
        if profile.port is None:
            return free_port(profile.host, self._port_start, taken)
        if profile.port in taken or not port_is_free(profile.host, profile.port):
            message = f"Port {profile.port} is taken."
            raise PortTaken(message, "Choose another --port, or leave it unset.")
        return profile.port


def default_name(model: str) -> str:
    """A server's name for an unsaved model: the last part of its id or path, made typeable."""
    last = model.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-._")[:64] or "model"


def _forget_old_runs(folder: Path) -> None:
    runs = sorted(folder.glob("*.log"))
    for old in runs[: 1 - RUNS_KEPT]:
        old.unlink(missing_ok=True)
        old.with_name(f"{old.name}.1").unlink(missing_ok=True)
