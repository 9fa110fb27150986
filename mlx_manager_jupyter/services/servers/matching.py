"""Which engine runs a profile, as what, and from which folder. Blocking: it reads the disk."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mlx_manager_jupyter.adapters.cache import ModelFolder, locate
from mlx_manager_jupyter.adapters.cache.lookup import local_folder, snapshot
from mlx_manager_jupyter.adapters.engines import ENGINES, choose, find, model_type
from mlx_manager_jupyter.errors import EngineMissing, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlx_manager_jupyter.adapters.engines import Engine, Installation, Nature
    from mlx_manager_jupyter.schema import EngineKind, Profile

#: Pictures are made by several models in one folder, none of which is described at its top.
DRAWING = frozenset({"image-generation", "image-edit"})


class Match(Struct, frozen=True, kw_only=True):
    """A profile and what runs it."""

    engine: Engine
    installation: Installation
    profile: Profile
    """With the type of the model and the folders filled in; as it was saved in all else."""
    folder: ModelFolder | None
    """None for what needs no model of this machine."""

    @property
    def path(self) -> Path | None:
        """What the engine is told to serve."""
        return self.folder.path if self.folder else None


class Matcher:
    """Finds model and engine of a profile."""

    def __init__(
        self,
        *,
        cache: Path,
        engine_paths: Mapping[str, str],
        managed: Path | None,
        nature: Callable[[ModelFolder], Nature | None],
    ) -> None:
        """Hand over what it needs.

        Args:
            cache: where repos are looked for.
            engine_paths: executables by engine, where they are configured.
            managed: folder of the environments of engines that we make.
            nature: what a model is.
        """
        self._cache = cache
        self._engine_paths = engine_paths
        self._managed = managed
        self._nature = nature

    def match(self, profile: Profile) -> Match:
        """Find all of it.

        Raises:
            UnknownModel, NoWeights, CorruptWeights, ModelUnusable: what is wrong with the model.
            EngineMissing: there is no such engine here.
            InvalidValue: a file that the profile names is not there.
        """
        folder = self.folder(profile)
        kind, filled = self.choose(profile, folder)
        installation = self.find(kind)
        return Match(
            engine=ENGINES[kind],
            installation=installation,
            profile=self.with_draft(filled),
            folder=folder,
        )

    def choose(self, profile: Profile, folder: ModelFolder | None) -> tuple[EngineKind, Profile]:
        """The kind of engine, and the profile with the type of its model filled in."""
        nature = None
        if folder and folder.config and "auto" in (profile.engine, profile.model_type):
            nature = self._nature(folder)
        kind = choose(profile, nature, self._is_here)
        what, engine = model_type(profile, nature), ENGINES[kind]
        if engine.model_types and what not in engine.model_types and profile.model_type == "auto":
            what = "lm"  # it runs the text of a model that can do more
        return kind, replace(profile, model_type=what) if engine.model_types else profile

    def find(self, kind: EngineKind) -> Installation:
        """The installation that is used.

        Raises:
            EngineMissing: there is none.
        """
        return find(ENGINES[kind], self._engine_paths.get(kind), self._managed)

    def folder(self, profile: Profile) -> ModelFolder | None:
        """The model's folder, its files looked at; None if the engine wants none.

        Raises:
            UnknownModel, NoWeights, CorruptWeights, ModelUnusable: what is wrong with it.
        """
        if not _wants_model(profile):
            return None
        if profile.model_type in DRAWING:
            return _parts(profile.model, profile.revision, self._cache)
        return locate(profile.model, profile.revision, cache=self._cache)

    def _is_here(self, kind: EngineKind) -> bool:
        if kind in self._engine_paths:
            return True  # meant to be used; if its path is wrong that is the thing to say
        with suppress(EngineMissing):
            return bool(self.find(kind))
        return False

    def with_draft(self, profile: Profile) -> Profile:
        """The profile with the folder of its draft model, if it has one.

        Raises:
            UnknownModel, NoWeights, CorruptWeights, ModelUnusable: what is wrong with it.
        """
        if profile.draft_model is None:
            return profile
        draft = locate(profile.draft_model, cache=self._cache)
        return replace(profile, draft_model=str(draft.path))


def _wants_model(profile: Profile) -> bool:
    by_url = profile.engine == "remote" or (profile.engine == "auto" and profile.base_url)
    if by_url and not profile.command:
        return False
    if profile.engine == "command" or (profile.engine == "auto" and profile.command):
        return bool(profile.model) and any("{model}" in word for word in profile.command)
    return True


def _parts(model: str, revision: str | None, cache: Path) -> ModelFolder:
    folder, commit = local_folder(model), None
    if folder is None:
        folder = snapshot(model, revision, cache)
        commit = folder.name
    try:
        size = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    except OSError as error:
        raise InvalidValue(f"{folder} can't be read: {error}.", "Download it again.") from error
    return ModelFolder(folder, model, commit, size, {})
