"""What saving and starting a profile would say, for the form that is being filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from mlx_manager_jupyter.schema import FieldProblem, ProfileCheck
from mlx_manager_jupyter.services.profiles import starting_points, suggesting
from mlx_manager_jupyter.services.profiles.names import collisions
from mlx_manager_jupyter.services.profiles.validation import NAMELESS, read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.schema import EngineChoice, Profile, StartingPoint
    from mlx_manager_jupyter.services.models.facts import Facts
    from mlx_manager_jupyter.services.profiles.evidence import EvidenceBook
    from mlx_manager_jupyter.services.profiles.manager import ProfileManager
    from mlx_manager_jupyter.services.profiles.parsers import Choices


class Known(NamedTuple):
    """What is known of a profile's model, and of the engine that would run it."""

    facts: Facts | None = None
    revision: str | None = None
    """The commit, or None for a folder, or for what is not here."""
    version: str | None = None
    """Of the engine; None if it is not installed."""
    choices: Choices | None = None
    """What the installed engine lists for a flag."""


class Checker:
    """Looks at values without saving them."""

    def __init__(
        self,
        profiles: ProfileManager,
        *,
        examine: Callable[[Profile], Awaitable[ProfileCheck]],
        known: Callable[[Profile, EngineChoice], Awaitable[Known]],
        evidence: EvidenceBook,
    ) -> None:
        """Hand over what it needs.

        Args:
            profiles: the saved ones.
            examine: what starting a profile would say.
            known: what is known of its model and its engine.
            evidence: what was tried on running models.
        """
        self._profiles = profiles
        self._examine = examine
        self._known = known
        self._evidence = evidence

    async def check(self, values: Mapping[str, Any]) -> ProfileCheck:
        """Everything that is wrong with these values, and what the model suggests.

        They may be part of a profile. Whose name it is can't be told from them: that the name is
        taken is said of a saved profile, too.
        """
        reading = read(values)
        problems = list(reading.problems)
        saved = await self._profiles.list()
        if reading.profile.name != NAMELESS:
            problems += _taken(reading.profile, saved)
        examined = await self._examine(reading.profile)
        # A start would say again what saving said, in other words: once is enough.
        said = {field for field, _ in problems}
        told = [FieldProblem(field=field, problem=error.problem) for field, error in problems]
        told += [one for one in examined.problems if one.field not in said]
        known = await self._known(reading.profile, examined.engine)
        return replace(
            examined,
            problems=tuple(told),
            affects=self._profiles.users(reading.profile.name),
            **await self._advice(reading.profile, examined, known),
        )

    async def starting_points(self, model: str = "") -> tuple[StartingPoint, ...]:
        """Beginnings for a model; all that there are without one."""
        return starting_points.for_model(model.strip())

    async def _advice(
        self, profile: Profile, examined: ProfileCheck, known: Known
    ) -> dict[str, Any]:
        facts, engine = known.facts, examined.engine
        if facts is None:
            return {}
        found = suggesting.suggestions(
            profile, facts, engine, version=known.version, choices=known.choices
        )
        tried = await self._evidence.proven(profile.model, known.revision, engine)
        honoured = {"engine", *examined.honoured}
        return {
            "suggestions": suggesting.proven(
                tuple(one for one in found if one.field in honoured), tried
            ),
            "notes": suggesting.notes(facts, engine, version=known.version, choices=known.choices),
        }


def _taken(profile: Profile, saved: tuple[Profile, ...]) -> list[tuple[str, MLXManagerError]]:
    """Names of others; aliases of the profile's own saved self are its own."""
    return [
        (field, error)
        for other in saved
        for field, error in collisions(profile, [other])
        if field == "name" or other.name != profile.name
    ]
