"""Reading a ``config.json`` that anybody may have written: a wrong type is as good as nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Larger numbers are mistakes, such as the ``1e30`` that stands for "no limit".
LARGEST = 10**9

#: A network of more layers than this is a mistake too, and would be counted one by one.
MOST_LAYERS = 10_000

#: Where models of several parts keep their language model. ``thinker_config`` is Qwen's Omni.
_TEXT_PARTS = ("text_config", "llm_config", "language_config", "thinker_config", "decoder")


def words(listed: str) -> frozenset[str]:
    """A set of names, written as one text with blanks between."""
    return frozenset(listed.split())


def record(value: object) -> dict[str, Any]:
    """``value`` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def texts(value: object) -> tuple[str, ...]:
    """The strings of a list, or the one string."""
    if isinstance(value, str):
        return (value,)
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def text(value: object) -> str:
    """``value`` if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """``value`` if it is a finite number above zero."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= LARGEST and math.isfinite(value) else None


def whole(config: Mapping[str, Any], *names: str) -> int | None:
    """The first of these fields that is a whole number from 1 to `LARGEST`."""
    for name in names:
        value = number(config.get(name))
        if value is not None and value.is_integer():
            return int(value)
    return None


def text_part(config: Mapping[str, Any]) -> dict[str, Any]:
    """The language model of a model of several parts, else all of it.

    What only the outer level says, such as the data type, is kept. ``model_type`` is a string or
    absent.
    """
    part = dict(config)
    for _ in range(3):  # thinker_config.text_config is the deepest that is known
        inner = next((part[name] for name in _TEXT_PARTS if record(part.get(name))), None)
        if inner is None:
            break
        part = {k: v for k, v in part.items() if k not in _TEXT_PARTS} | record(inner)
    if not isinstance(part.get("model_type"), str):
        part.pop("model_type", None)
    return part


def model_type(config: Mapping[str, Any]) -> str | None:
    """As the config names it, in lower case."""
    return text(config.get("model_type")).strip().lower() or None
