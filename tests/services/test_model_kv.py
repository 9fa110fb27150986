"""The estimates of the KV cache for shapes of real models; `test_model_kv_real` runs tiny ones."""

from __future__ import annotations

from typing import Any

import pytest

from mlx_manager_jupyter.services.models.kv import cache_bytes

GIB = 2**30
QWEN3_8B: dict[str, Any] = {
    "model_type": "qwen3",
    "torch_dtype": "bfloat16",
    "hidden_size": 4096,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
}


@pytest.mark.parametrize(
    ("tokens", "kv_bits", "gib"),
    [(4096, None, 0.5625), (32768, None, 4.5), (32768, 8, 2.390625), (32768, 4, 1.265625)],
)
def test_qwen3_8b(tokens: int, kv_bits: int | None, gib: float) -> None:
    assert cache_bytes(QWEN3_8B, tokens, kv_bits=kv_bits) == gib * GIB


def test_conversations_add_up_and_grow_in_steps() -> None:
    one = cache_bytes(QWEN3_8B, 1000)
    assert cache_bytes(QWEN3_8B, 1000, concurrency=3) == 3 * one
    assert cache_bytes(QWEN3_8B, 1024) == one
    assert cache_bytes(QWEN3_8B, 1025) == one * 5 // 4


def test_the_language_model_of_a_vision_model_counts() -> None:
    nested = {"model_type": "qwen3_vl", "vision_config": {"depth": 3}, "text_config": QWEN3_8B}
    assert cache_bytes(nested, 4096) == cache_bytes(QWEN3_8B, 4096)


def test_latent_attention_keeps_one_latent() -> None:
    shape = {
        "model_type": "deepseek_v3",
        "num_hidden_layers": 61,
        "num_attention_heads": 128,
        "kv_lora_rank": 512,
        "qk_rope_head_dim": 64,
        "hidden_size": 7168,
    }
    assert cache_bytes(shape, 4096) == 61 * 576 * 4096 * 2


def test_windows_hold_little_of_a_long_conversation() -> None:
    shape = QWEN3_8B | {"model_type": "gemma3_text", "sliding_window": 512}
    full = cache_bytes(QWEN3_8B, 131072)
    assert cache_bytes(shape, 131072) == pytest.approx(full / 6, rel=0.12)
    # mlx-lm keeps every token for models whose class knows no window.
    assert cache_bytes(shape | {"model_type": "gemma2"}, 131072) == full


def test_an_architecture_that_nobody_knows_counts_as_full_attention() -> None:
    full = cache_bytes(QWEN3_8B, 4096)
    strange = {"model_type": "brandnew", "layer_types": ["surprise"] * 36, "sliding_window": 8}
    assert cache_bytes(QWEN3_8B | strange, 4096) == full
    assert cache_bytes(QWEN3_8B | {"layer_types": ["linear_attention"] * 36}, 4096) == full


def test_encoders_need_none() -> None:
    bert = {"model_type": "bert", "hidden_size": 384, "num_hidden_layers": 6}
    assert cache_bytes(bert | {"num_attention_heads": 12}, 512, parameters=10**8) == 0


@pytest.mark.parametrize(
    ("parameters", "config"),
    [
        (8_190_000_000, QWEN3_8B),
        (600_000_000, QWEN3_8B | {"num_hidden_layers": 28}),
        (70_600_000_000, QWEN3_8B | {"model_type": "llama", "num_hidden_layers": 80}),
    ],
)
def test_without_a_config_the_size_gives_a_typical_figure(
    parameters: int, config: dict[str, Any]
) -> None:
    typical = cache_bytes(None, 8192, parameters=parameters)
    assert 0.3 < typical / cache_bytes(config, 8192) < 2
    assert cache_bytes(None, 8192) == 0
    assert cache_bytes({}, 8192) == 0


@pytest.mark.parametrize(("tokens", "concurrency"), [(0, 1), (-5, 1), (100, 0)])
def test_no_conversation_needs_none(tokens: int, concurrency: int) -> None:
    assert cache_bytes(QWEN3_8B, tokens, concurrency=concurrency) == 0
