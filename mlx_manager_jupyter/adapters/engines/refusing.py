"""What an engine can't do with a profile, and who can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines.fields import set_fields
from mlx_manager_jupyter.errors import InvalidValue, MLXManagerError, UnsupportedField
from mlx_manager_jupyter.names import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlx_manager_jupyter.adapters.engines.base import Engine
    from mlx_manager_jupyter.adapters.engines.installed import Installation
    from mlx_manager_jupyter.schema import EngineKind, Profile

    Refusals = Iterator[tuple[str, MLXManagerError]]


def fields(engine: Engine, profile: Profile, installation: Installation | None) -> Refusals:
    """Fields that the engine, or its installed version, does not have.

    The installed one is asked for its help only if a flag of the profile depends on it.
    """
    for name in set_fields(profile):
        if name in engine.fields or name in engine.request_fields:
            continue
        flag = engine.flags.get(name)
        if flag is None:
            yield (
                name,
                UnsupportedField(
                    f"{engine.kind} can't honour the field {name!r}.",
                    f"{_able(name)} Or leave it out.",
                ),
            )
        elif installation and flag.name not in installation.flags:
            version = f" {installation.version}" if installation.version else ""
            yield (
                name,
                UnsupportedField(
                    f"The installed {engine.kind}{version} can't honour the field {name!r}: it "
                    f"has no {flag.name}.",
                    f"{_able(name, engine.kind)} Or use another version of {engine.kind}, "
                    "or leave it out.",
                ),
            )


def values(engine: Engine, profile: Profile, installation: Installation | None) -> Refusals:
    """Values that it does not take."""
    wanted = profile.model_type
    if wanted != "auto" and engine.model_types and wanted not in engine.model_types:
        from mlx_manager_jupyter.adapters.engines.table import ENGINES  # noqa: PLC0415  a table of these

        kinds = [kind for kind, other in ENGINES.items() if wanted in other.model_types]
        yield (
            "model_type",
            UnsupportedField(
                f"{engine.kind} runs no models of the type {wanted!r}.",
                f"Engines that do: {', '.join(kinds)}.",
            ),
        )
    if installation is None:
        return
    for name, value in set_fields(profile).items():
        flag = engine.flags.get(name)
        listed = installation.choices(flag.name) if flag and flag.kind == "value" else ()
        if listed and str(value) not in listed:
            close = nearest(str(value), listed)
            hint = f"Did you mean {_or(close)}?" if close else f"It knows {_or(listed)}."
            yield (
                name,
                InvalidValue(
                    f"{engine.kind} knows no {value!r} for {name!r}.", hint, candidates=listed
                ),
            )


def _able(field: str, but: EngineKind | None = None) -> str:
    from mlx_manager_jupyter.adapters.engines.table import ENGINES  # noqa: PLC0415  a table of these

    kinds = [kind for kind, other in ENGINES.items() if kind != but and field in other.honoured()]
    return f"Engines that can: {', '.join(kinds)}." if kinds else "No other engine can."


def _or(words: Sequence[str]) -> str:
    return " or ".join(words)
