"""Facts of models from their configs, chat templates, tags and names."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mlx_manager_jupyter.adapters.engines.installed import Installation
from mlx_manager_jupyter.adapters.engines.known_models import known_methods, known_models
from mlx_manager_jupyter.schema import Model
from mlx_manager_jupyter.services.models.engines import MLX_LM_METHODS, MLX_LM_TYPES
from mlx_manager_jupyter.services.models.facts import Facts, Source, facts_of
from mlx_manager_jupyter.services.models.kv import cache_bytes
from tests.services.data import (
    chat_templates,
    model_configs,
    model_configs_more,
    model_configs_senses,
)

if TYPE_CHECKING:
    from tests.services.data.model_case import Case

CASES = (*model_configs.CASES, *model_configs_more.CASES, *model_configs_senses.CASES)


def _source(case: Case) -> Source:
    return Source(
        id=case.id,
        config=case.config,
        chat_template=case.template,
        tags=case.tags,
        pipeline_tag=case.pipeline,
        has_modules=case.modules,
    )


def test_there_are_enough_of_them() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_a_config_says(case: Case) -> None:
    facts = facts_of(_source(case))
    method = facts.quantization.method if facts.quantization else None
    mixed = bool(facts.quantization and facts.quantization.mixed)
    assert (facts.bits, method, mixed) == (case.bits, case.method, case.mixed)
    assert facts.family == (case.family or None)
    assert facts.context_length == case.context
    assert facts.capabilities == case.can
    assert facts.engine == case.engine
    assert facts.flags == case.flags
    if case.bits_per_weight:
        assert facts.quantization
        assert facts.quantization.bits_per_weight == case.bits_per_weight
    if case.billions:
        assert facts.parameters == pytest.approx(case.billions * 1e9, rel=0.02)
    if case.problem:
        assert case.problem in (facts.engine_problem or "")
    else:
        assert facts.engine_problem is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_fact_has_its_evidence(case: Case) -> None:
    facts = facts_of(_source(case))
    told = {"bits", "family", "context_length", "parameters", "engine", "model_type"}
    told = {name for name in told if getattr(facts, name) is not None}
    assert facts.evidence.keys() == told | set(facts.capabilities) | facts.flags.keys()
    assert all(facts.evidence.values())


def test_the_evidence_reads_as_a_person_would_say_it() -> None:
    found = {case.id: facts_of(_source(case)).evidence for case in CASES}
    qwen = found["mlx-community/Qwen3-VL-8B-Thinking-4bit"]
    assert qwen["vision"] == "config.json: vision_config"
    assert qwen["bits"] == "config.json: quantization"
    assert qwen["tools"] == "chat template: tools"
    assert qwen["reasoning"] == "chat template: </think>"
    assert qwen["tool_call_parser"] == "chat template: <tool_call>"
    assert qwen["reasoning_parser"] == "model_type qwen3_vl"
    assert found["mlx-community/DeepSeek-R1-0528-DQ3_K_M"]["bits"].endswith("some layers 4, 6")
    assert found["mlx-community/Qwen2.5-Coder-32B-Instruct-8bit"]["context_length"] == (
        "config.json: rope_scaling"
    )
    assert found["mlx-community/SmolLM2-135M-Instruct"]["bits"] == "config.json: bfloat16"


def test_words_in_a_template_are_no_evidence() -> None:
    facts = facts_of(Source(id="a/b", config={}, chat_template=chat_templates.PROSE))
    assert facts.capabilities == ()


def test_a_template_outweighs_the_name() -> None:
    plain = Source(id="a/Qwen3-8B-4bit", config={"model_type": "qwen3"}, chat_template="{{ x }}")
    assert facts_of(plain).capabilities == ()
    assert facts_of(Source(id="a/Qwen3-8B-4bit")).capabilities == ("tools", "reasoning")


def test_what_is_installed_decides_which_engine_can() -> None:
    sees = Source(id="a/b", config={"model_type": "qwen2_5_vl", "vision_config": {"depth": 1}})
    only_lm = facts_of(sees, known={"mlx-lm": {"qwen2_5_vl"}})
    assert (only_lm.engine, only_lm.engine_problem) == ("mlx-lm", None)
    assert "mlx-lm runs it as text" in only_lm.evidence["engine"]
    neither = facts_of(sees, known={"mlx-lm": {"llama"}})
    assert neither.engine_problem == "It needs mlx-vlm, which is not installed."
    both = facts_of(sees, known={"mlx-lm": {"qwen2_5_vl"}, "mlx-vlm": {"qwen2_5_vl"}})
    assert (both.engine, both.engine_problem) == ("mlx-vlm", None)
    old = facts_of(Source(id="a/b", config={"model_type": "qwen3"}), known={"mlx-lm": {"llama"}})
    assert old.engine_problem == "mlx-lm does not know the model type 'qwen3'."


def test_what_is_installed_decides_which_quantization_can() -> None:
    config = {"model_type": "qwen2", "quantization_config": {"quant_method": "awq", "bits": 4}}
    assert facts_of(Source(id="a/b", config=config)).engine_problem is None
    old = facts_of(Source(id="a/b", config=config), methods={"bitnet"})
    assert "quantized by awq, which MLX can't run" in (old.engine_problem or "")


@pytest.mark.engine
def test_what_is_built_in_is_what_the_engine_of_the_tests_says() -> None:
    installed = Installation("mlx-lm", (str(Path(sys.executable).with_name("mlx_lm.server")),))
    assert known_models(installed) >= MLX_LM_TYPES
    assert (known_methods(installed) or frozenset()) >= MLX_LM_METHODS


def test_facts_are_fields_of_a_model() -> None:
    assert set(Facts.__struct_fields__) <= set(Model.__struct_fields__)


# --- what somebody may have written -------------------------------------------------------------

_WRONG: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    3,
    10**30,
    1e308,
    float("nan"),
    float("inf"),
    2.5,
    "",
    "32",
    "full_attention",
    "M-M*-",
    [],
    [None],
    ["sliding_attention", 7, None],
    [[1], {"a": 1}],
    {},
    {"bits": "four"},
    {"bits": 4, "group_size": -64, "mode": 7},
    {"quant_method": ["awq"]},
    {"quant_method": "awq", "config_groups": [1]},
    {"factor": "x", "type": "yarn", "original_max_position_embeddings": None},
    {"model_type": 7, "num_hidden_layers": "all"},
    {"full_attn_layers": ["a"], "num_heads": {}},
    {None: 1, 3: {"bits": 4}},
)


def _spoilt(config: Any, rng: random.Random) -> Any:
    """The same with some values replaced, at every level."""
    if not isinstance(config, dict):
        return config
    return {
        key: rng.choice(_WRONG) if rng.random() < 0.3 else _spoilt(value, rng)
        for key, value in config.items()
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_nothing_that_is_written_into_a_config_raises(case: Case) -> None:
    rng = random.Random(case.id)
    for _ in range(30):
        config = _spoilt(case.config, rng)
        facts = facts_of(
            Source(
                id=case.id,
                config=config,
                chat_template=case.template,
                parameters={"U32": rng.choice([1, 10**9]), "odd": 5, "BF16": 0},
                weights_bytes=rng.choice([None, 1, 10**10]),
            )
        )
        told = {name: getattr(facts, name) for name in Facts.__struct_fields__}
        msgspec.convert(msgspec.to_builtins(Model(id=case.id, **told)), Model)
        assert cache_bytes(config, 8192, concurrency=2, kv_bits=8) >= 0


_FIELDS = sorted({name for case in CASES for name in case.config})


@pytest.mark.parametrize("wrong", _WRONG, ids=repr)
def test_each_field_may_be_of_any_type(wrong: Any) -> None:
    whole = dict.fromkeys([*_FIELDS, "layer_types", "num_kv_heads", "block_configs"], wrong)
    for config in (whole, {"text_config": whole}, {"model_type": "llama", **whole}, wrong):
        facts_of(Source(id="a/b", config=config, weights_bytes=10**9))
        shaped = {"num_hidden_layers": 4, "hidden_size": 8, **(whole if wrong != 10**30 else {})}
        for kind in ("jamba", "gemma3n", "mamba2", "qwen3_next", "nemotron_h", "llama4"):
            cache_bytes(shaped | {"model_type": kind, "num_hidden_layers": 4}, 4096)


@pytest.mark.parametrize("source", [
    Source(id=""),
    Source(id="/"),
    Source(id="-" * 300),
    Source(id="a/4bit", tags=("", "license:", "base_model:", "base_model:quantized:")),
    Source(id="a/b", chat_template="{% {{ {# '"),
    Source(id="a/b", chat_template="{%" * 5000),
])  # fmt: skip
def test_nothing_in_a_name_a_tag_or_a_template_raises(source: Source) -> None:
    assert facts_of(source).context_length is None


@pytest.mark.parametrize("unit", ["{%", "{{ ' ", "{# ", "<think>", "<think> ", "'\\", " ", "{%%}"])
def test_a_hostile_template_takes_no_time(unit: str) -> None:
    long = "<think>" + unit * 1_000_000
    before = time.perf_counter()
    facts_of(Source(id="a/b", config={}, chat_template=long))
    assert time.perf_counter() - before < 1
