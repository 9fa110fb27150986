"""Verdicts, what engines take beside the weights, and the smaller build that would fit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mlx_manager_jupyter.schema import Memory, Model, StoredUsage
from mlx_manager_jupyter.services.models.fit import fit, judge, overhead_bytes
from mlx_manager_jupyter.services.models.rows import Row

GB = 10**9
QWEN3_32B: dict[str, Any] = {
    "model_type": "qwen3",
    "hidden_size": 5120,
    "num_hidden_layers": 64,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 128,
}


def _row(model: str, weights: int | None, **more: Any) -> Row:
    config = more.pop("config", None)
    return Row(Model(id=model, size_bytes=weights, **more), weights, 0, config)


def _memory(available: float, total: float = 64) -> Memory:
    return Memory(
        total_bytes=int(total * GB),
        used_bytes=int((total - available) * GB),
        available_bytes=int(available * GB),
    )


def _usage(number: int, weights: float, peak: float, cache: float = 0) -> StoredUsage:
    return StoredUsage(
        name=f"model-{number}",
        weights_bytes=int(weights * GB),
        cache_bytes=int(cache * GB),
        peak_bytes=int(peak * GB),
        seen_at=datetime.now(UTC),
    )


@pytest.mark.parametrize(
    ("needed", "limit", "verdict"),
    [
        (7499, 85, "fits"),
        (7500, 85, "tight"),
        (8499, 85, "tight"),
        (8500, 85, "no"),
        (20000, 85, "no"),
        (4999, 60, "fits"),
        (5000, 60, "tight"),
        (6000, 60, "no"),
    ],
)
def test_verdicts(needed: int, limit: float, verdict: str) -> None:
    assert judge(needed, 10000, limit_percent=limit) == verdict


@pytest.mark.parametrize("available", [0, -1])
def test_nothing_fits_into_nothing(available: int) -> None:
    assert judge(0, available) == "no"


def test_overhead_by_the_rule() -> None:
    assert overhead_bytes(0, []) == (250_000_000, 0)
    assert overhead_bytes(20 * GB, []) == (1_250_000_000, 0)


def test_one_run_moves_the_overhead_and_does_not_decide_alone() -> None:
    rule, _ = overhead_bytes(4 * GB, [])
    once, count = overhead_bytes(4 * GB, [_usage(0, 4, 5.35)])  # three times the rule
    assert (once, count) == (2 * rule, 1)
    thrice, count = overhead_bytes(4 * GB, [_usage(n, 4, 5.35) for n in range(3)])
    assert (thrice, count) == (round(2.5 * rule), 3)


def test_many_runs_decide_and_a_strange_one_does_not() -> None:
    rule, _ = overhead_bytes(4 * GB, [])
    usual = [_usage(n, 4, 4.9) for n in range(19)]  # twice the rule
    found, count = overhead_bytes(4 * GB, [*usual, _usage(99, 4, 60)])
    assert count == 20
    assert found == pytest.approx(2 * rule, rel=0.06)
    absurd, _ = overhead_bytes(4 * GB, [_usage(n, 4, 400) for n in range(20)])
    assert absurd < 4 * rule
    less, _ = overhead_bytes(4 * GB, [_usage(n, 4, 1) for n in range(20)])
    assert rule / 4 < less < rule


def test_the_cache_of_a_run_is_no_overhead() -> None:
    with_cache, _ = overhead_bytes(4 * GB, [_usage(0, 4, 6.35, cache=1)])
    assert with_cache == overhead_bytes(4 * GB, [_usage(0, 4, 5.35)])[0]


def test_a_tiny_model_says_nothing_of_a_large_one() -> None:
    tiny = [_usage(n, 0.1, 5) for n in range(20)]
    assert overhead_bytes(20 * GB, tiny) == overhead_bytes(20 * GB, [])
    assert overhead_bytes(100_000_000, tiny)[1] == 20


LARGE = _row("mlx-community/Qwen3-32B-bf16", 65 * GB, config=QWEN3_32B, bits=16)
OTHERS = [
    LARGE,
    _row("mlx-community/Qwen3-32B-3bit", 14 * GB, bits=3),
    _row("mlx-community/Qwen3-32B-4bit", 18 * GB, bits=4),
    _row("someone/Qwen3-32B-MLX-4bit-DWQ", 18 * GB, bits=4, complete=True),
    _row("mlx-community/Qwen3-32B-6bit", 26 * GB, bits=6),
    _row("mlx-community/Qwen3-32B-8bit", 35 * GB, bits=8),
    _row("mlx-community/Qwen3-8B-4bit", 5 * GB, bits=4),
    _row("mlx-community/Qwen3-32B-unknown", None),
]


@pytest.mark.parametrize(
    ("available", "verdict", "other"),
    [
        (100, "fits", None),
        (85, "tight", "mlx-community/Qwen3-32B-8bit"),
        (60, "no", "mlx-community/Qwen3-32B-8bit"),
        (48, "no", "mlx-community/Qwen3-32B-6bit"),
        (30, "no", "someone/Qwen3-32B-MLX-4bit-DWQ"),
        (22, "no", "mlx-community/Qwen3-32B-3bit"),
        (15, "no", None),
    ],
)
def test_the_largest_smaller_build_that_fits(
    available: float, verdict: str, other: str | None
) -> None:
    found = fit(LARGE, OTHERS, _memory(available, 128), [])
    assert found.verdict == verdict
    assert (found.alternative.id if found.alternative else None) == other
    if found.alternative:
        assert found.alternative.needed_bytes < found.needed_bytes
        assert f"{other} needs" in found.reason


def test_builds_of_another_base_are_no_alternative() -> None:
    row = _row("a/Model-7B-bf16", 14 * GB, base_model="owner/Model-7B")
    same = _row("b/Model-7B-4bit", 4 * GB, base_model="Owner/Model-7B")
    tuned = _row("c/Model-7B-4bit", 4 * GB, base_model="other/Model-7B-Roleplay")
    found = fit(row, [tuned, same], _memory(8), [])
    assert found.alternative
    assert found.alternative.id == "b/Model-7B-4bit"
    assert fit(row, [tuned], _memory(8), []).alternative is None


def test_the_numbers_add_up_and_are_said() -> None:
    row = _row("mlx-community/Qwen3-32B-4bit", 18 * GB, config=QWEN3_32B)
    found = fit(row, [], _memory(24), [], context_length=32768, concurrency=2)
    assert found.cache_bytes == 2 * 64 * 8 * 128 * 2 * 2 * 32768
    assert found.needed_bytes == 18 * GB + found.cache_bytes + found.overhead_bytes
    assert found.spare_bytes == 24 * GB - found.needed_bytes
    assert found.reason == (
        "It does not fit: it needs 33.8 GB (16.8 GB of weights, 16.0 GB for 2 x 32,768 tokens,"
        " 1.1 GB for the engine), 151 % of the 22.4 GB that are free now."
    )
    small = fit(row, [], _memory(20, 24), [], context_length=32768)
    assert small.reason.endswith("This machine has 22.4 GB in all.")
    close = fit(row, [], _memory(24), [], context_length=8192)
    assert close.reason.endswith("More than 85 % would leave too little for the rest.")


def test_the_context_is_the_models_own_if_that_is_shorter() -> None:
    row = _row("a/b-4bit", GB, context_length=2048)
    assert fit(row, [], _memory(24), []).context_length == 2048
    assert fit(row, [], _memory(24), [], context_length=4096).context_length == 4096
    assert fit(_row("a/b-4bit", GB), [], _memory(24), []).context_length == 8192


def test_a_cache_that_cannot_be_quantized_is_said_so() -> None:
    sliding = QWEN3_32B | {"model_type": "gemma3_text", "sliding_window": 512}
    row = _row("a/gemma-4bit", GB, config=sliding)
    bits = fit(row, [], _memory(24), [], context_length=32768, kv_bits=4)
    assert bits.cache_bytes == fit(row, [], _memory(24), [], context_length=32768).cache_bytes
    assert "can't quantize" in bits.reason
