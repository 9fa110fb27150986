"""What a table says of profiles, and what lines say of one.

Pure, without IPython: the command line uses it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook.table import Column
from mlx_manager_jupyter.schema import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlx_manager_jupyter.schema import ProbeFinding, StartingPoint

#: What a table has a column of its own for.
_APART = frozenset({"name", "model", "engine", "description", "aliases"})
_UNSET = msgspec.to_builtins(Profile(name="x"))


def set_fields(profile: Profile) -> dict[str, Any]:
    """The fields that are not what they are by default, its name first."""
    values: dict[str, Any] = msgspec.to_builtins(profile)
    return {key: value for key, value in values.items() if key == "name" or value != _UNSET[key]}


def profile_columns(profiles: Sequence[Profile]) -> list[Column]:
    """Columns of a table of profiles."""
    return [
        Column("name", [each.name for each in profiles]),
        Column("model", [_target(each) for each in profiles], rank=1),
        Column("engine", [each.engine for each in profiles], rank=2),
        Column("settings", [_settings(each) for each in profiles], rank=4),
        Column("aliases", [", ".join(each.aliases) for each in profiles], rank=3),
        Column("description", [_first_line(each.description) for each in profiles], rank=5),
    ]


def field_columns(profile: Profile) -> list[Column]:
    """Two columns: each field that is set, and its value."""
    values = set_fields(profile)
    return [
        Column("field", list(values)),
        Column("value", [shown(value) for value in values.values()]),
    ]


def finding_columns(findings: Sequence[ProbeFinding]) -> list[Column]:
    """What a model was tried for, and what came of it."""
    return [
        Column("tried", [each.what for each in findings]),
        Column("works", ["yes" if each.works else "no" for each in findings]),
        Column("", [each.detail for each in findings]),
    ]


def point_columns(points: Sequence[StartingPoint]) -> list[Column]:
    """Ready-made beginnings."""
    return [
        Column("family", [each.family for each in points]),
        Column("for", [each.title for each in points], rank=1),
        Column("values", [_pairs(each.values) for each in points], rank=2),
        Column("source", [each.reason for each in points], rank=3),
    ]


def shown(value: object) -> str:
    """A value as ``--set`` takes it: text as it is, all else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _target(profile: Profile) -> str:
    if profile.model:
        return fmt.short_model(profile.model)
    return profile.base_url or " ".join(profile.command)


def _settings(profile: Profile) -> str:
    return _pairs({k: v for k, v in set_fields(profile).items() if k not in _APART})


def _pairs(values: dict[str, Any]) -> str:
    return " ".join(f"{key}={_first_line(shown(value))}" for key, value in values.items())


def _first_line(text: str) -> str:
    first, _, more = text.partition("\n")
    return f"{first} …" if more else first
