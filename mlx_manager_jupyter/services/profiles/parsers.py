"""Which parser of an engine reads what a model writes. Pure.

What a model writes is told from its chat template, then its type, then its name
(`services/models/flags.py`), in the words of mlx-openai-server 1.8. What a version calls it, and
what stands in for what it lacks, is said here; mlx-lm and mlx-vlm find out by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    #: The values that an installed engine lists for a flag; empty where it lists none.
    Choices = Callable[[str], tuple[str, ...]]

#: Engines that infer parsers: they take no field for them.
INFERRING = frozenset({"mlx-lm", "mlx-vlm"})

#: By field, the flag whose choices are the parsers that there are.
FLAGS: Mapping[str, str] = {
    "tool_call_parser": "--tool-call-parser",
    "reasoning_parser": "--reasoning-parser",
    "message_converter": "--message-converter",
}

_TOOLS_15 = (
    "functiongemma glm4_moe harmony hermes iquest_coder_v1 minimax_m2 nemotron3_nano qwen3 "
    "qwen3_coder qwen3_moe qwen3_vl solar_open"
)
_THOUGHTS_150 = (
    "glm4_moe harmony hermes minimax_m2 nemotron3_nano qwen3 qwen3_moe qwen3_vl solar_open"
)
_CONVERTERS_15 = "glm4_moe minimax minimax_m2 nemotron3_nano qwen3_coder"

#: Parsers of mlx-openai-server by version, from its own help; of one that is installed its help
#: decides. The converters came with 1.5 and are gone since 1.6.
LISTS: Mapping[tuple[int, ...], Mapping[str, tuple[str, ...]]] = {
    (1, 5, 0): {
        "tool_call_parser": tuple(_TOOLS_15.split()),
        "reasoning_parser": tuple(_THOUGHTS_150.split()),
        "message_converter": tuple(_CONVERTERS_15.split()),
    },
    (1, 5, 1): {
        "tool_call_parser": tuple(_TOOLS_15.split()),
        "reasoning_parser": ("glm47_flash", *_THOUGHTS_150.split()),
        "message_converter": tuple(_CONVERTERS_15.split()),
    },
    (1, 6, 3): {
        "tool_call_parser": (*_TOOLS_15.split(), "kimi_k2", "longcat_flash_lite", "step_35"),
        "reasoning_parser": tuple(
            f"glm47_flash {_THOUGHTS_150} kimi_k2 mixed_think_tool_handoff qwen3_5 step_35".split()
        ),
    },
    (1, 8, 1): {
        "tool_call_parser": tuple(f"gemma4 {_TOOLS_15} kimi_k2 longcat_flash_lite step_35".split()),
        "reasoning_parser": tuple(
            f"gemma4 glm47_flash {_THOUGHTS_150} kimi_k2 mixed_think_tool_handoff qwen3_5 "
            "step_35".split()
        ),
    },
}

#: What a version calls otherwise.
_OTHER_NAMES = {"iquest_coder_v1": ("iquest_coder",)}

#: What reads the same notation where a version lacks the parser made for it: JSON within
#: ``<tool_call>`` is Hermes', and thoughts within ``<think>`` are read by those before.
_STAND_INS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "tool_call_parser": {
        "qwen3": ("hermes",),
        "qwen3_moe": ("qwen3", "hermes"),
        "qwen3_vl": ("qwen3", "hermes"),
    },
    "reasoning_parser": {
        "qwen3_5": ("qwen3_moe", "qwen3"),
        "qwen3_moe": ("qwen3",),
        "qwen3_vl": ("qwen3",),
        "glm47_flash": ("glm4_moe",),
    },
}

#: Converters rewrite messages for templates that want them otherwise; named as the tool parser.
_CONVERTERS = {
    "glm4_moe": "glm4_moe",
    "minimax_m2": "minimax_m2",
    "nemotron3_nano": "nemotron3_nano",
    "qwen3_coder": "qwen3_coder",
}


def listed(field: str, version: str | None, choices: Choices | None = None) -> tuple[str, ...]:
    """The parsers that there are for a field.

    Args:
        field: one of `FLAGS`.
        version: of mlx-openai-server; the newest that is known by default.
        choices: of the one that is installed, which then decides alone.
    """
    if choices is not None:
        return choices(FLAGS[field])
    wanted = _number(version)
    known = [number for number in LISTS if wanted is None or number <= wanted]
    return LISTS[max(known, default=min(LISTS))].get(field, ())


def parser(field: str, notation: str, there: tuple[str, ...]) -> str | None:
    """What reads a notation among the parsers that there are; None if nothing does."""
    stand_ins = _STAND_INS.get(field, {}).get(notation, ())
    wanted = (notation, *_OTHER_NAMES.get(notation, ()), *stand_ins)
    return next((name for name in wanted if name in there), None)


def converter(notation: str | None, there: tuple[str, ...]) -> str | None:
    """The converter that goes with a notation of tool calls; None if it needs none."""
    name = _CONVERTERS.get(notation or "")
    return name if name in there else None


def _number(version: str | None) -> tuple[int, ...] | None:
    """``1.6.3rc1`` is as good as 1.6.3: what comes before a release has what that has."""
    parts: list[int] = []
    for part in (version or "").split(".")[:3]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        parts.append(int(digits))
    return tuple(parts) or None
