"""What msgspec says of a wrong value, in words for the one who typed it. Pure."""

from __future__ import annotations

import re
import typing
from functools import cache
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.schema import Profile

if TYPE_CHECKING:
    import msgspec

_BOUND = re.compile(r"^Expected `\w+` (<=|>=|<|>) (\S+) - at `\$\.([^`]*)`$")
_KIND = re.compile(r"^Expected `([^`]+)`, got `([^`]+)` - at `\$\.([^`]*)`$")
_BOUNDS = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "unset",
}


def worded(field: str, value: object, error: msgspec.ValidationError) -> str:
    """The sentence for a field's wrong value. What stands inside it is not repeated."""
    said = str(error)
    choices = choices_of(field)
    if choices and not isinstance(value, dict | list):
        return f"{field!r} must be one of {', '.join(choices)}, not {value!r:.40}."
    if found := _BOUND.match(said):
        bound, place = found[2].removesuffix(".0"), found[3]
        given = f", not {value!r:.40}" if place == field else ""
        return f"{place!r} must be {_BOUNDS[found[1]]} {bound}{given}."
    if found := _KIND.match(said):
        wanted = [_KINDS.get(kind, kind) for kind in found[1].split(" | ") if kind != "null"]
        given = "a fraction" if found[2] == "float" else _KINDS.get(found[2], found[2])
        return f"{found[3]!r} must be {' or '.join(wanted)}, not {given}."
    return f"{said.replace('`$.', '`')}."


@cache
def choices_of(field: str) -> tuple[str, ...]:
    """The values that a field may have, as they are typed; none where they can't be listed."""
    return tuple(_literals(typing.get_type_hints(Profile).get(field)))


def _literals(kind: Any) -> list[str]:  # noqa: ANN401  a type may be of any type
    if typing.get_origin(kind) is typing.Literal:
        return [str(value) for value in typing.get_args(kind)]
    return [each for part in typing.get_args(kind) for each in _literals(part)]
