"""The estimates of the KV cache against the caches that mlx-lm really makes."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from mlx_manager_jupyter.services.models.kv import cache_bytes, quantizes
from tests.services.data.tiny_shapes import SHAPES

pytestmark = pytest.mark.engine


def _held(config: dict[str, Any], tokens: int, **options: Any) -> int:
    """The most that the real cache held while a prompt was read and one token made."""
    mx = importlib.import_module("mlx.core")
    generate_step = importlib.import_module("mlx_lm.generate").generate_step
    make_prompt_cache = importlib.import_module("mlx_lm.models.cache").make_prompt_cache
    module = importlib.import_module(f"mlx_lm.models.{config['model_type']}")
    model = module.Model(module.ModelArgs.from_dict(config))
    model.set_dtype(getattr(mx, config["torch_dtype"]))
    caches = make_prompt_cache(model)
    held = 0

    def watch(_done: int = 0, _total: int = 0) -> None:
        nonlocal held
        held = max(held, sum(cache.nbytes for cache in caches))

    prompt = mx.array([token % 60 for token in range(tokens)])
    steps = generate_step(
        prompt,
        model,
        max_tokens=1,
        prompt_cache=caches,
        prompt_progress_callback=watch,
        **options,
    )
    for _ in steps:
        watch()
    return held


@pytest.mark.parametrize("tokens", [200, 1000])
@pytest.mark.parametrize("kind", SHAPES)
def test_the_estimate_is_within_five_percent_of_the_real_cache(kind: str, tokens: int) -> None:
    real = _held(SHAPES[kind], tokens)
    assert cache_bytes(SHAPES[kind], tokens) == pytest.approx(real, rel=0.05)


@pytest.mark.parametrize("kind", ["sliding by interval", "sliding by list", "griffin"])
def test_a_window_holds_one_chunk_of_the_prompt_more(kind: str) -> None:
    real = _held(SHAPES[kind], 1000, prefill_step_size=100)
    estimate = cache_bytes(SHAPES[kind], 1000, prefill_step_size=100)
    assert estimate == pytest.approx(real, rel=0.05)
    assert estimate < cache_bytes(SHAPES[kind], 1000)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize(
    "kind", ["grouped", "delta net", "mamba 2 beside attention", "latent with an indexer"]
)
def test_a_quantized_cache(kind: str, bits: int) -> None:
    options = {"kv_bits": bits, "quantized_kv_start": 0}
    real = _held(SHAPES[kind], 1000, **options)
    assert cache_bytes(SHAPES[kind], 1000, **options) == pytest.approx(real, rel=0.05)


def test_a_short_conversation_is_not_quantized_by_default() -> None:
    real = _held(SHAPES["grouped"], 1000, kv_bits=4)
    assert cache_bytes(SHAPES["grouped"], 1000, kv_bits=4) == pytest.approx(real, rel=0.05)


@pytest.mark.parametrize("kind", ["sliding by interval", "latent"])
def test_windows_and_latents_cannot_be_quantized(kind: str) -> None:
    with pytest.raises((NotImplementedError, AttributeError)):
        _held(SHAPES[kind], 300, kv_bits=8, quantized_kv_start=0)
    assert not quantizes(SHAPES[kind])
