"""Parsers by model and engine version: every case that a name-only table has got wrong is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlx_manager_jupyter.adapters.engines import Installation
from mlx_manager_jupyter.schema import Profile, Suggestion
from mlx_manager_jupyter.services.models.facts import Source, facts_of
from mlx_manager_jupyter.services.profiles import parsers, suggesting
from tests.services.data import chat_templates as templates
from tests.services.data import model_configs, model_configs_more, model_configs_senses
from tests.services.data.model_case import config_of

RECORDED = Path(__file__).parents[1] / "adapters" / "recorded"
CASES = {
    case.id: case
    for case in (*model_configs.CASES, *model_configs_more.CASES, *model_configs_senses.CASES)
}
SOLAR = "{%- if tools %}{{- '<|tool_calls|>' }}{%- endif %}{{- '<|think:start|>' }}"
IQUEST = "{%- if tools %}{{- '<tool_call>' }}{%- endif %}" + templates.PLAIN


class Model(NamedTuple):
    """A model in the shape of a real one, and what reads it."""

    id: str
    type: str | None
    template: str | None
    tools: str | None
    thoughts: str | None
    converter: str | None = None


#: The models of the predecessor's table, and those of its kinds. By version 1.5.1.
TABLE = (
    Model("mlx-community/Qwen3-8B-4bit", "qwen3", templates.QWEN3, "qwen3", "qwen3"),
    Model(
        "mlx-community/Qwen3-30B-A3B-4bit", "qwen3_moe", templates.QWEN3, "qwen3_moe", "qwen3_moe"
    ),
    Model(
        "mlx-community/Qwen3-Next-80B-A3B-Instruct-4bit",
        "qwen3_next",
        templates.QWEN3_INSTRUCT,
        "qwen3_moe",
        None,
    ),
    Model(
        "mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit",
        "qwen3_moe",
        templates.QWEN3_CODER,
        "qwen3_coder",
        None,
        "qwen3_coder",
    ),
    Model(
        "mlx-community/Qwen2.5-Coder-32B-Instruct-4bit", "qwen2", templates.QWEN25, "hermes", None
    ),
    Model(
        "mlx-community/Qwen3-VL-8B-Thinking-4bit",
        "qwen3_vl",
        templates.QWEN3_THINKING,
        "qwen3_vl",
        "qwen3_vl",
    ),
    Model("mlx-community/Qwen2.5-7B-Instruct-4bit", "qwen2", templates.QWEN25, "hermes", None),
    Model(
        "mlx-community/DeepSeek-R1-Distill-Qwen-7B-4bit",
        "qwen2",
        templates.DEEPSEEK_R1,
        None,
        "qwen3_moe",
    ),
    Model(
        "mlx-community/GLM-4.5-Air-4bit",
        "glm4_moe",
        templates.GLM45,
        "glm4_moe",
        "glm4_moe",
        "glm4_moe",
    ),
    Model(
        "mlx-community/GLM-4.7-Flash-4bit",
        "glm4_moe_lite",
        templates.GLM45,
        "glm4_moe",
        "glm47_flash",
        "glm4_moe",
    ),
    Model(
        "mlx-community/MiniMax-M2.1-4bit",
        "minimax_m2",
        templates.MINIMAX_M2,
        "minimax_m2",
        "minimax_m2",
        "minimax_m2",
    ),
    Model(
        "mlx-community/NVIDIA-Nemotron-3-Nano-30B-A3B-4bit",
        "nemotron_h",
        templates.NEMOTRON_NANO,
        "nemotron3_nano",
        "nemotron3_nano",
        "nemotron3_nano",
    ),
    Model("mlx-community/Solar-Open-100B-4bit", "solar_open", SOLAR, "solar_open", "solar_open"),
    Model("mlx-community/gpt-oss-20b-MXFP4-Q4", "gpt_oss", templates.GPT_OSS, "harmony", "harmony"),
    Model("mlx-community/Meta-Llama-3.1-8B-Instruct-4bit", "llama", templates.LLAMA31, None, None),
    Model("mlx-community/Mistral-7B-Instruct-v0.3-4bit", "mistral", templates.MISTRAL, None, None),
    Model("mlx-community/gemma-3-4b-it-4bit", "gemma3", templates.GEMMA3, None, None),
    Model("mlx-community/phi-4-4bit", "phi3", templates.PLAIN, None, None),
    # Of those that are not here nothing but the name is known.
    Model("mlx-community/Hermes-4-70B-4bit", None, None, "hermes", "hermes"),
    Model("mlx-community/functiongemma-270m-it-4bit", None, None, "functiongemma", None),
    Model("mlx-community/gpt-oss-120b-4bit", None, None, "harmony", "harmony"),
)


def suggested(
    model: Model, version: str | None = "1.5.1", choices: parsers.Choices | None = None
) -> dict[str, Any]:
    config = config_of(model.type, "") if model.type else None
    facts = facts_of(Source(id=model.id, config=config, chat_template=model.template))
    found = suggesting.suggestions(
        Profile(name="x", model=model.id),
        facts,
        "mlx-openai-server",
        version=version,
        choices=choices,
    )
    assert all(one.reason for one in found)
    return {one.field: one.value for one in found}


def installed(version: str) -> Installation:
    text = (RECORDED / f"mlx_openai_server-{version}" / "help.txt").read_text("utf-8")
    return Installation(kind="mlx-openai-server", command=("x",), version=version, told=text)


@pytest.mark.parametrize("model", TABLE, ids=lambda model: model.id)
@pytest.mark.parametrize("by", ["list", "help"])
def test_the_table_of_the_predecessor(model: Model, by: str) -> None:
    choices = installed("1.5.1").choices if by == "help" else None
    found = suggested(model, "1.5.1", choices)
    told = (
        found.get("tool_call_parser"),
        found.get("reasoning_parser"),
        found.get("message_converter"),
    )
    assert told == (model.tools, model.thoughts, model.converter)
    assert found.get("enable_auto_tool_choice") == (True if model.tools else None)


def test_a_second_parser_for_glm_takes_nothing_from_the_first() -> None:
    air = next(model for model in TABLE if "GLM-4.5" in model.id)
    for version in ("1.5.0", "1.5.1", "1.6.3", "1.8.1", None):
        assert suggested(air, version)["reasoning_parser"] == "glm4_moe"


@pytest.mark.parametrize(("version", "thoughts"), [("1.5.0", "glm4_moe"), ("1.5.1", "glm47_flash")])
def test_what_a_version_lacks_has_a_stand_in(version: str, thoughts: str) -> None:
    flash = next(model for model in TABLE if "Flash" in model.id)
    assert suggested(flash, version)["reasoning_parser"] == thoughts


def test_converters_are_gone_since_1_6() -> None:
    coder = next(model for model in TABLE if "Qwen3-Coder" in model.id)
    assert suggested(coder, "1.5.0")["message_converter"] == "qwen3_coder"
    for version in ("1.6.3", "1.8.1"):
        assert "message_converter" not in suggested(coder, version)
        assert "message_converter" not in suggested(coder, version, installed(version).choices)


@pytest.mark.parametrize("version", ["1.5.1", "1.6.3", "1.8.1"])
def test_the_lists_are_those_of_the_versions_own_help(version: str) -> None:
    for field in parsers.FLAGS:
        by_help = installed(version).choices(parsers.FLAGS[field])
        assert set(parsers.listed(field, version)) == set(by_help)


def test_an_installed_version_decides_by_its_help_alone() -> None:
    kimi = Model("moonshotai/Kimi-K2-Instruct", "kimi_k2", templates.KIMI_K2, None, None)
    assert "tool_call_parser" not in suggested(kimi, "1.8.1", installed("1.5.1").choices)
    assert suggested(kimi, "1.5.1", installed("1.8.1").choices)["tool_call_parser"] == "kimi_k2"


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.id)
def test_nothing_is_suggested_that_the_newest_version_does_not_list(case: Any) -> None:
    model = Model(case.id, None, case.template, None, None)
    facts = facts_of(Source(id=case.id, config=case.config, chat_template=case.template))
    found = suggesting.suggestions(
        Profile(name="x", model=model.id), facts, "mlx-openai-server", version="1.8.1"
    )
    for one in found:
        if one.field in parsers.FLAGS:
            assert one.value in parsers.listed(one.field, "1.8.1")
    given = {one.field: one.value for one in found}
    if case.flags:
        assert given.items() >= case.flags.items()


@pytest.mark.parametrize("engine", ["mlx-lm", "mlx-vlm"])
def test_engines_that_find_out_by_themselves_are_told_nothing(engine: Any) -> None:
    case = CASES["mlx-community/Qwen3-8B-4bit"]
    facts = facts_of(Source(id=case.id, config=case.config, chat_template=case.template))
    found = suggesting.suggestions(Profile(name="x", model=case.id), facts, engine)
    assert not {one.field for one in found} & {*parsers.FLAGS, "enable_auto_tool_choice"}
    said = suggesting.notes(facts, engine)
    assert len(said) == 2
    assert all("by itself" in note for note in said)


def test_a_notation_that_nothing_reads_is_said() -> None:
    case = CASES["mlx-community/Qwen3-8B-4bit"]
    facts = facts_of(
        Source(id="x/kimi", config=config_of("kimi_k2", ""), chat_template=templates.KIMI_K2)
    )
    assert "has no parser" in suggesting.notes(facts, "mlx-openai-server", version="1.5.0")[0]
    known = facts_of(Source(id=case.id, config=case.config, chat_template=case.template))
    assert suggesting.notes(known, "mlx-openai-server", version="1.5.0") == ()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.8.1", (1, 8, 1)),
        ("0.31.0rc1", (0, 31, 0)),
        ("1.5.1.post1", (1, 5, 1)),
        ("1.6.dev3", (1, 6)),
        ("unknown", None),
        (None, None),
    ],
)
def test_versions_that_are_not_released_are_read_too(text: str | None, number: Any) -> None:
    assert parsers._number(text) == number


def test_what_was_tried_is_marked() -> None:
    found = (
        Suggestion(field="tool_call_parser", value="hermes", reason="a"),
        Suggestion(field="reasoning_parser", value="qwen3", reason="b"),
    )
    marked = suggesting.proven(found, {"tool_call_parser": "hermes", "reasoning_parser": "x"})
    assert [one.proven for one in marked] == [True, False]


def test_the_context_and_the_engine_have_their_reasons() -> None:
    seeing = next(case for case in CASES.values() if "vision" in case.can)
    facts = facts_of(Source(id=seeing.id, config=seeing.config, chat_template=seeing.template))
    profile = Profile(name="x", model=seeing.id)
    found = {one.field: one for one in suggesting.suggestions(profile, facts, "mlx-vlm")}
    assert found["engine"].value == "mlx-vlm"
    assert "vision" in found["engine"].reason
    served = {one.field: one for one in suggesting.suggestions(profile, facts, "mlx-openai-server")}
    assert served["model_type"].value == "multimodal"
    if facts.context_length:
        assert "config.json" in found["context_length"].reason
