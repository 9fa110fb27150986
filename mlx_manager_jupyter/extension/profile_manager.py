"""The parts of profiles that look at models and engines, made from the settings."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from mlx_manager_jupyter.adapters.cache import locate
from mlx_manager_jupyter.adapters.cache.model import read_template
from mlx_manager_jupyter.adapters.engines import ENGINES, find
from mlx_manager_jupyter.errors import EngineMissing, MLXManagerError
from mlx_manager_jupyter.services.gateway import Asked
from mlx_manager_jupyter.services.profiles import Checker
from mlx_manager_jupyter.services.profiles.checking import Known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlx_manager_jupyter.extension.settings import Settings
    from mlx_manager_jupyter.schema import EngineChoice, Profile
    from mlx_manager_jupyter.services.gateway import Gateway
    from mlx_manager_jupyter.services.profiles import EvidenceBook, ProfileManager
    from mlx_manager_jupyter.services.profiles.probing import Ask
    from mlx_manager_jupyter.services.servers import Planner


def checker_of(
    settings: Settings, profiles: ProfileManager, planner: Planner, evidence: EvidenceBook
) -> Checker:
    """What says whether values are right, and what the model suggests."""
    cache = Path(settings.hf_cache_path).expanduser()
    managed = Path(settings.home).expanduser() / "engines"

    def look(profile: Profile, engine: EngineChoice) -> Known:
        from mlx_manager_jupyter.services.models.facts import Source, facts_of  # noqa: PLC0415  not at start-up

        version, choices = None, None
        if engine != "auto":
            with suppress(EngineMissing):
                found = find(ENGINES[engine], settings.engine_paths.get(engine), managed)
                version = found.version
                choices = found.choices if found.help else None
        if not profile.model or engine in {"remote", "command"}:
            return Known(version=version)
        source, revision = Source(id=profile.model), None
        with suppress(MLXManagerError):  # it is not here, so only its name can tell
            folder = locate(profile.model, profile.revision, cache=cache)
            revision = folder.revision
            source = Source(
                id=folder.model,
                config=folder.config,
                chat_template=read_template(folder.path),
                has_modules=(folder.path / "modules.json").is_file(),
            )
        if written := _own_template(profile):
            source = replace(source, chat_template=written)
        return Known(facts_of(source), revision, version, choices)

    async def known(profile: Profile, engine: EngineChoice) -> Known:
        return await asyncio.to_thread(look, profile, engine)

    return Checker(profiles, examine=planner.examine, known=known, evidence=evidence)


def _own_template(profile: Profile) -> str | None:
    """What the profile gives the model instead of its own, if that can be read."""
    if profile.chat_template_file is None:
        return None
    with suppress(OSError, RuntimeError, UnicodeDecodeError):  # RuntimeError: no such user
        path = Path(profile.chat_template_file).expanduser()
        return path.read_text("utf-8") if path.is_file() else None
    return None


def whole(gateway: Gateway) -> Ask:
    """A chat request through the gateway, as everybody asks, and its whole answer."""

    async def ask(body: bytes) -> Mapping[str, Any]:
        exchange = await gateway.open(Asked(endpoint="chat/completions", body=body))
        answered, _ = await exchange.answer()
        return msgspec.json.decode(answered, type=dict[str, Any])

    return ask
