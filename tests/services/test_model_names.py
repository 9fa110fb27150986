"""What names, tags and the Hub's counts tell of a model that nobody has looked into."""

from __future__ import annotations

from typing import Any

import pytest

from mlx_manager_jupyter.services.models.facts import Facts, Source, facts_of
from mlx_manager_jupyter.services.models.names import stem

BITS = {
    "mlx-community/Qwen3-8B-4bit": (4, "affine", False),
    "mlx-community/Phi-3.5-mini-instruct-4-bit": (4, "affine", False),
    "mlx-community/Qwen3-8B_int8": (8, "affine", False),
    "mlx-community/Llama-3.2-1B-Instruct-q5": (5, "affine", False),
    "inferencerlabs/gpt-oss-120b-MLX-6.5bit": (6, "affine", False),
    "mlx-community/GLM-4.5-Air-3bit-DWQ": (3, "affine", False),
    "mlx-community/DeepSeek-R1-0528-DQ3_K_M": (3, "affine", True),
    "nightmedia/Qwen3-30B-A3B-qx86-hi-mlx": (8, "affine", True),
    "mlx-community/Llama-3.3-70B-Instruct-mixed-3-6-bit": (6, "affine", True),
    "mlx-community/gpt-oss-20b-MXFP4-Q8": (4, "mxfp4", True),
    "mlx-community/Qwen3-Next-80B-A3B-Instruct-mxfp4": (4, "mxfp4", False),
    "someone/model-nvfp4": (4, "nvfp4", False),
    "someone/model-mxfp8-mlx": (8, "mxfp8", False),
    "Qwen/Qwen3-8B-FP8": (8, "fp8", False),
    "mlx-community/Meta-Llama-3.1-8B-Instruct-bf16": (16, None, False),
    "mlx-community/mamba-2.8b-hf-f16": (16, None, False),
    "mlx-community/bge-small-en-v1.5-mlx-fp32": (32, None, False),
    "google/gemma-3-27b-it-qat-q4_0-unquantized": (None, None, False),
    "mlx-community/SmolLM2-135M-Instruct": (None, None, False),
    "mlx-community/quantized-gemma-2b": (None, None, False),
    "mlx-community/bitnet-b1.58-2B-4T": (None, None, False),
}


@pytest.mark.parametrize("model", BITS)
def test_bits_of_a_name(model: str) -> None:
    facts = facts_of(Source(id=model))
    mode = facts.quantization.mode if facts.quantization else None
    mixed = bool(facts.quantization and facts.quantization.mixed)
    assert (facts.bits, mode, mixed) == BITS[model]


def test_a_number_format_outweighs_a_tag_and_a_tag_the_rest_of_the_name() -> None:
    tagged = facts_of(Source(id="a/Model-MXFP4-Q8", tags=("8-bit",)))
    assert (tagged.bits, tagged.evidence["bits"]) == (4, "name: mxfp4")
    tagged = facts_of(Source(id="a/Model-4bit", tags=("mlx", "8-bit")))
    assert (tagged.bits, tagged.evidence["bits"]) == (8, "tag 8-bit")
    config = {"quantization": {"bits": 5, "group_size": 32}}
    assert facts_of(Source(id="a/Model-mxfp4", tags=("8-bit",), config=config)).bits == 5


BILLIONS = {
    "a/Mixtral-8x7B-Instruct-v0.1": 46,
    "a/Mixtral-8x22B-4bit": 144,
    "a/Qwen3-30B-A3B-4bit": 30,
    "a/Qwen3-235B-A22B": 235,
    "a/gemma-3n-E4B-it-4bit": 7.8,
    "a/gemma-3n-E2B-it": 5.4,
    "a/SmolLM2-135M-Instruct": 0.135,
    "a/Qwen3-0.6B-8bit": 0.6,
    "a/Qwen2.5-1.5B-Instruct-4bit": 1.5,
    "a/Llama-4-Scout-17B-16E-Instruct-4bit": 109,
    "a/gpt-oss-20b-MXFP4-Q8": 20,
    "a/bitnet-b1.58-2B-4T": 2,
    "a/Ling-1T-4bit": 1000,
    "a/LFM2-8B-A1B-6bit-MLX": 8,
    "a/Qwen3-Next-80B-A3B": 80,
}


@pytest.mark.parametrize("model", BILLIONS)
def test_size_of_a_name(model: str) -> None:
    assert facts_of(Source(id=model)).parameters == pytest.approx(BILLIONS[model] * 1e9, rel=0.02)


@pytest.mark.parametrize("model", ["a/phi-4-8bit", "a/Kimi-K2-Instruct-4bit", "a/whisper-large-v3"])
def test_a_name_without_a_size_gives_none(model: str) -> None:
    assert facts_of(Source(id=model)).parameters is None
    assert facts_of(Source(id=model)).estimated_bytes is None


# --- the Hub's counts ---------------------------------------------------------------------------

WEIGHTS = 8_190_735_360
BYTES = WEIGHTS * 9 // 16
SCALES = WEIGHTS // 32
SHAPE: dict[str, Any] = {
    "model_type": "qwen3",
    "hidden_size": 4096,
    "num_hidden_layers": 36,
    "intermediate_size": 12288,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "tie_word_embeddings": False,
    "quantization": {"bits": 4, "group_size": 64},
}


def _counted(words: int, **more: Any) -> Facts:
    counts = {"U32": words, "BF16": SCALES}
    return facts_of(Source(**{"id": "a/Qwen3-8B-4bit", "parameters": counts, **more}))


@pytest.mark.parametrize("words", [WEIGHTS // 8, WEIGHTS], ids=["packed words", "weights"])
@pytest.mark.parametrize(
    "known",
    [{}, {"config": SHAPE}, {"id": "a/Qwen3-4bit", "config": SHAPE}, {"weights_bytes": BYTES}],
    ids=["name", "name and config", "config", "bytes"],
)
def test_words_are_told_from_weights(words: int, known: dict[str, Any]) -> None:
    facts = _counted(words, **known)
    assert facts.parameters == pytest.approx(WEIGHTS, rel=0.01)
    assert facts.evidence["parameters"] == "safetensors"
    if "weights_bytes" in known:
        assert facts.estimated_bytes is None
    else:
        assert facts.estimated_bytes == pytest.approx(BYTES, rel=0.01)


@pytest.mark.parametrize("words", [WEIGHTS // 8, WEIGHTS])
def test_counts_that_nobody_can_understand_are_left_alone(words: int) -> None:
    facts = _counted(words, id="a/model-4bit")
    assert facts.parameters is None
    assert facts.estimated_bytes is None


def test_counts_without_packed_words_are_exact() -> None:
    facts = facts_of(Source(id="a/Model-8B-bf16", parameters={"BF16": WEIGHTS, "F32": 1000}))
    assert facts.parameters == WEIGHTS + 1000
    assert facts.estimated_bytes == 2 * WEIGHTS + 4000


def test_exact_bytes_give_the_bits_per_weight() -> None:
    facts = facts_of(Source(id="a/Qwen3-8B-4bit", config=SHAPE, weights_bytes=BYTES))
    assert facts.quantization
    assert facts.quantization.bits_per_weight == 4.5
    bf16 = facts_of(Source(id="a/m", config={"torch_dtype": "bfloat16"}, weights_bytes=10**9))
    assert (bf16.parameters, bf16.bits) == (500_000_000, 16)


# --- rows of the catalogue, and builds of one model ---------------------------------------------


def test_a_row_of_the_catalogue_tells_what_its_name_and_tags_do() -> None:
    facts = facts_of(
        Source(
            id="mlx-community/Qwen3-VL-8B-Instruct-4bit",
            tags=(
                "mlx",
                "license:apache-2.0",
                "base_model:Qwen/Qwen3-VL-8B-Instruct",
                "base_model:quantized:Qwen/Qwen3-VL-8B-Instruct",
                "4-bit",
            ),
            pipeline_tag="image-text-to-text",
        )
    )
    assert facts.bits == 4
    assert facts.family == "Qwen"
    assert facts.capabilities == ("vision", "tools")
    assert facts.license == "apache-2.0"
    assert facts.base_model == "Qwen/Qwen3-VL-8B-Instruct"
    assert facts.engine == "mlx-vlm"
    assert facts.estimated_bytes == 4_500_000_000
    assert facts.evidence["vision"] == "pipeline image-text-to-text"
    assert facts.evidence["bits"] == "tag 4-bit"


def test_the_hub_makes_the_type_a_tag() -> None:
    tags = ("mlx", "safetensors", "qwen3_moe", "text-generation")
    facts = facts_of(Source(id="a/Some-Name-8bit", tags=tags))
    assert (facts.model_type, facts.evidence["model_type"]) == ("qwen3_moe", "tag qwen3_moe")
    assert (facts.family, facts.evidence["family"]) == ("Qwen", "model_type qwen3_moe")
    read = facts_of(Source(id="a/Some-Name-8bit", tags=tags, config={"model_type": "llama"}))
    assert read.model_type == "llama"


@pytest.mark.parametrize(
    ("model", "pipeline", "engine"),
    [
        ("mlx-community/FLUX.1-dev-4bit", "text-to-image", "mlx-openai-server"),
        ("mlx-community/whisper-large-v3", "automatic-speech-recognition", "mlx-openai-server"),
        ("mlx-community/bge-m3-mlx-fp16", "sentence-similarity", "mlx-vlm"),
        ("mlx-community/Qwen3-VL-8B-Instruct-4bit", "image-text-to-text", "mlx-vlm"),
        ("mlx-community/Qwen3-8B-4bit", "text-generation", "mlx-lm"),
    ],
)
def test_the_engine_of_a_row_of_the_catalogue(model: str, pipeline: str, engine: str) -> None:
    assert facts_of(Source(id=model, pipeline_tag=pipeline)).engine == engine


#: Parsers that the predecessor got wrong from names alone.
PARSERS: dict[str, dict[str, str]] = {
    "a/Qwen2.5-Coder-32B-Instruct-4bit": {},
    "a/Qwen3-Coder-30B-A3B-Instruct-4bit": {"tool_call_parser": "qwen3_coder"},
    "a/gpt-oss-20b-MXFP4-Q4": {"tool_call_parser": "harmony", "reasoning_parser": "harmony"},
    "a/GLM-4.5-Air-4bit": {"tool_call_parser": "glm4_moe", "reasoning_parser": "glm4_moe"},
    "a/DeepSeek-R1-Distill-Qwen-7B-4bit": {},
    "a/Llama-3.3-70B-Instruct-4bit": {},
    "a/Mistral-Small-24B-Instruct-2501-4bit": {},
    "a/gemma-3-27b-it-4bit": {},
}


@pytest.mark.parametrize("model", PARSERS)
def test_a_name_alone_suggests_a_parser_only_where_it_is_sure(model: str) -> None:
    assert facts_of(Source(id=model)).flags == PARSERS[model]


@pytest.mark.parametrize(
    ("model", "other"),
    [
        ("a/Qwen3-32B-bf16", "b/Qwen3-32B-4bit"),
        ("a/Qwen3-32B-MLX-bf16", "b/Qwen3-32B-4bit-DWQ-053125"),
        ("a/Qwen3-32B-8bit", "b/qwen3_32b-qx86-hi-mlx"),
        ("a/Meta-Llama-3.1-8B-Instruct-bf16", "b/Llama-3.1-8B-Instruct-mixed-3-6-bit"),
        ("a/DeepSeek-R1-0528-4bit", "b/DeepSeek-R1-0528-DQ3_K_M"),
        ("a/gpt-oss-120b-MXFP4-Q8", "b/gpt-oss-120b-MLX-6.5bit"),
        ("/Users/me/models/Qwen3-8B-4bit", "b/Qwen3-8B-bf16"),
    ],
)
def test_builds_of_one_model_share_a_stem(model: str, other: str) -> None:
    assert stem(model) == stem(other) != ""


@pytest.mark.parametrize(
    ("model", "other"),
    [
        ("a/Qwen3-32B-4bit", "a/Qwen3-30B-4bit"),
        ("a/Qwen3-4B-4bit", "a/Qwen3-4B-Instruct-2507-4bit"),
        ("a/Qwen3-8B-4bit", "a/Josiefied-Qwen3-8B-abliterated-4bit"),
        ("a/gemma-3-12b-it-4bit", "a/gemma-3-12b-pt-4bit"),
        ("a/Qwen3-VL-8B-4bit", "a/Qwen3-8B-4bit"),
    ],
)
def test_other_models_do_not(model: str, other: str) -> None:
    assert stem(model) != stem(other)
