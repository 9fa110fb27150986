"""Profile fields that a model needs so that its tool calls and thoughts are told from its words.

The values are names of parsers of mlx-openai-server 1.8; mlx-lm and mlx-vlm find out by themselves.
What the chat template writes decides, then the ``model_type``, at last the name: a name alone has
given Qwen 2.5 the parser of Qwen 3 Coder before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.services.models.names import plain

if TYPE_CHECKING:
    from mlx_manager_jupyter.services.models.template import Template

#: By type; only where calls are written in a way of the model's own.
_TOOLS_BY_TYPE = {
    "gpt_oss": "harmony",
    "glm4_moe": "glm4_moe",
    "glm4_moe_lite": "glm4_moe",
    "glm4v_moe": "glm4_moe",
    "minimax_m2": "minimax_m2",
    "minimax": "minimax_m2",
    "kimi_k2": "kimi_k2",
    "kimi_k25": "kimi_k2",
    "nemotron_h": "nemotron3_nano",
    "solar_open": "solar_open",
    "step3p5": "step_35",
    "longcat_flash": "longcat_flash_lite",
    "gemma4": "gemma4",
    "gemma4_text": "gemma4",
    "iquestcoder": "iquest_coder_v1",
}
_REASONING_BY_TYPE = {
    "gpt_oss": "harmony",
    "glm4_moe": "glm4_moe",
    "glm4v_moe": "glm4_moe",
    "glm4_moe_lite": "glm47_flash",
    "minimax_m2": "minimax_m2",
    "minimax": "minimax_m2",
    "kimi_k2": "kimi_k2",
    "kimi_k25": "kimi_k2",
    "nemotron_h": "nemotron3_nano",
    "solar_open": "solar_open",
    "step3p5": "step_35",
    "gemma4": "gemma4",
    "gemma4_text": "gemma4",
    "qwen3": "qwen3",
    "qwen3_moe": "qwen3_moe",
    "qwen3_next": "qwen3_moe",
    "qwen3_vl": "qwen3_vl",
    "qwen3_vl_moe": "qwen3_vl",
    "qwen3_5": "qwen3_5",
    "qwen3_5_moe": "qwen3_5",
}
#: Types whose calls are JSON within ``<tool_call>``, as those of Hermes, with parsers of their own.
_HERMES_BY_TYPE = {
    "qwen3": "qwen3",
    "qwen3_moe": "qwen3_moe",
    "qwen3_next": "qwen3_moe",
    "qwen3_vl": "qwen3_vl",
    "qwen3_vl_moe": "qwen3_vl",
}
#: What templates write around a call, the special ones first.
_MARKS = (
    ("<|channel|>commentary", "harmony"),
    ("<minimax:tool_call>", "minimax_m2"),
    ("<start_function_call>", "functiongemma"),
    ("<|tool_calls_section_begin|>", "kimi_k2"),
    ("<longcat_tool_call>", "longcat_flash_lite"),
    ("<|tool_call>", "gemma4"),
    ("<arg_key>", "glm4_moe"),
)
#: Qwen's coder, and by now others, write a call as tags within tags.
_TAGS_IN_TAGS = ("<tool_call>\\n<function=", "<tool_call>\n<function=", "<function=")

#: For a row of the catalogue, of which nothing but the name is known.
_BY_NAME = (
    ("gpt-oss", "harmony", "harmony"),
    ("functiongemma", "functiongemma", None),
    ("qwen3-coder", "qwen3_coder", None),
    ("glm-4.5", "glm4_moe", "glm4_moe"),
    ("glm-4.6", "glm4_moe", "glm4_moe"),
    ("minimax-m2", "minimax_m2", "minimax_m2"),
    ("kimi-k2", "kimi_k2", "kimi_k2"),
    ("solar-open", "solar_open", "solar_open"),
    ("nemotron-3-nano", "nemotron3_nano", "nemotron3_nano"),
    ("hermes-4", "hermes", "hermes"),
)


def flags_of(
    model: str,
    model_type: str | None,
    template: Template | None,
    *,
    tools: bool,
    reasoning: bool,
) -> dict[str, tuple[str, str]]:
    """``tool_call_parser`` and ``reasoning_parser``, each with what it was chosen by.

    Only what the model can do, by ``tools`` and ``reasoning``, gets a parser. A way of writing
    calls that no parser reads, as that of Llama 3 or Mistral, gets none.
    """
    of_calls = _tool_parser(model_type, template)
    of_thoughts = _thought_parser(model_type, template)
    if template is None:
        of_calls = of_calls or _named(model, 1)
        of_thoughts = of_thoughts or _named(model, 2)
    chosen = {
        "tool_call_parser": of_calls if tools else None,
        "reasoning_parser": of_thoughts if reasoning else None,
    }
    return {name: parser for name, parser in chosen.items() if parser}


def _tool_parser(model_type: str | None, template: Template | None) -> tuple[str, str] | None:
    source = template.source if template else ""
    for mark, parser in _MARKS:
        if mark in source:
            return parser, f"chat template: {mark}"
    if any(mark in source for mark in _TAGS_IN_TAGS):
        own = "nemotron3_nano" if model_type == "nemotron_h" else "qwen3_coder"
        return own, "chat template: <function="
    if "<tool_call>" in source:
        return _HERMES_BY_TYPE.get(model_type or "", "hermes"), "chat template: <tool_call>"
    by_type = _TOOLS_BY_TYPE.get(model_type or "")
    return (by_type, f"model_type {model_type}") if by_type else None


def _thought_parser(model_type: str | None, template: Template | None) -> tuple[str, str] | None:
    if parser := _REASONING_BY_TYPE.get(model_type or ""):
        if parser == "qwen3" and template and template.begins_thought and not template.switch:
            # The answer begins within the thought, which the parser of the dense ones misses.
            return "qwen3_moe", "chat template: begins with <think>"
        return parser, f"model_type {model_type}"
    source = template.source if template else ""
    if "<|channel|>analysis" in source:
        return "harmony", "chat template: <|channel|>analysis"
    if template and template.begins_thought:
        return "qwen3_moe", "chat template: begins with <think>"
    return ("hermes", "chat template: <think>") if "think>" in source else None


def _named(model: str, column: int) -> tuple[str, str] | None:
    name = plain(model)
    for row in _BY_NAME:
        if row[0] in name and (parser := row[column]):
            return parser, f"name: {row[0]}"
    return None
