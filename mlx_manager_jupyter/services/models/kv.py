"""Memory for keys and values, the cache that grows with a conversation.

The formulas follow the caches of mlx-lm 0.32; a test compares them with the real ones.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.services.models.layers import Growing, Window, layers_of
from mlx_manager_jupyter.services.models.reading import text, text_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlx_manager_jupyter.services.models.layers import Layer

#: Tokens by which a cache grows: ``KVCache.step``.
STEP = 256

#: Tokens that mlx-lm reads of a prompt at once, unless ``prefill_step_size`` says otherwise. A
#: sliding window holds that many more while it reads.
PREFILL = 2048

#: Up to here nothing is quantized, whatever ``kv_bits`` says: ``DEFAULT_QUANTIZED_KV_START``.
QUANTIZED_FROM = 5000

#: A scale and a bias, 16 bits each, for every group of so many values.
GROUP = 64

#: Bytes a token of a model of a billion parameters with 16-bit keys and values, growing with the
#: square root of the parameters; only for models whose config nobody has read. By their configs
#: Qwen3 8B, 14B and 32B have 147, 164 and 262 kB (here 143, 192, 286), Llama 3 1B, 8B and 70B 33,
#: 131 and 328 kB (here 56, 142, 420). Qwen3 0.6B with its 115 kB is the furthest off: here 39.
TYPICAL_BYTES = 50_000


def cache_bytes(
    config: Mapping[str, Any] | None,
    tokens: int,
    *,
    concurrency: int = 1,
    kv_bits: int | None = None,
    kv_group_size: int = GROUP,
    quantized_kv_start: int = QUANTIZED_FROM,
    prefill_step_size: int = PREFILL,
    parameters: int | None = None,
) -> int:
    """Bytes for the keys and values of ``concurrency`` conversations of ``tokens`` tokens each.

    Where the config says nothing of the model's shape, ``parameters`` gives a typical size, else
    the answer is 0. Encoders, which generate nothing, need none. An architecture that nobody knows
    counts as one with full attention in every layer.
    """
    if tokens <= 0 or concurrency <= 0:
        return 0
    part = text_part(config or {})
    layers = layers_of(part)
    if not layers:
        typical = 0 if "model_type" in part else _typical(parameters, tokens)
        return typical * concurrency
    width = 4 if _dtype(part) == "float32" else 2
    bits = kv_bits if kv_bits and tokens >= quantized_kv_start and _quantizable(part) else None
    packed = bits / 8 + 2 * width / kv_group_size if bits else width
    one = sum(_size(layer, tokens, width, packed, prefill_step_size) for layer in layers)
    return math.ceil(one) * concurrency


def quantizes(config: Mapping[str, Any] | None) -> bool:
    """Whether ``kv_bits`` works for the model: mlx-lm 0.32 fails on windows and latents."""
    return _quantizable(text_part(config or {}))


def _quantizable(part: Mapping[str, Any]) -> bool:
    windows = any(isinstance(layer, Window) for layer in layers_of(part))
    return not windows and "kv_lora_rank" not in part


def _size(layer: Layer, tokens: int, width: int, packed: float, prefill: int) -> float:
    if isinstance(layer, Growing):
        return _stepped(tokens) * layer.values * (packed if layer.quantizable else width)
    if isinstance(layer, Window):
        # A prompt is read in chunks that are added to the window whole.
        held = min(tokens, layer.tokens + prefill - 1)
        if layer.stepped:
            return _stepped(held) * layer.values * width
        # An answer grows in steps, up to the window.
        return max(held, min(layer.tokens, tokens + STEP - 1)) * layer.values * width
    return layer.values * width + layer.floats * 4


def _stepped(tokens: int) -> int:
    return math.ceil(tokens / STEP) * STEP


def _dtype(part: Mapping[str, Any]) -> str:
    return text(part.get("torch_dtype")) or text(part.get("dtype"))


def _typical(parameters: int | None, tokens: int) -> int:
    billions = max(0, parameters or 0) / 1e9
    return round(TYPICAL_BYTES * math.sqrt(billions) * _stepped(tokens))
