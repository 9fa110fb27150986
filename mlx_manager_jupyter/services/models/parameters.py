"""How many weights a model has, and how many bytes they take where nobody has counted them.

``safetensors.parameters`` of the Hub must be read with care. MLX packs quantized weights into words
of 32 bits, type ``U32``. For some repos the Hub counts the words (bytes are 4 times that), for
others the weights inside them (bytes are bits / 8 times that). What is nearer to the size that the
name or the config gives is right; where neither gives one, nobody can tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mlx_manager_jupyter.services.models.bits import bits_per_weight
from mlx_manager_jupyter.services.models.names import size_of_name
from mlx_manager_jupyter.services.models.shape import count, has_other_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlx_manager_jupyter.schema import Quantization
    from mlx_manager_jupyter.services.models.bits import Storage

#: Words of which each holds several weights; also scales of one byte for 32 weights.
_PACKED = frozenset({"U32", "I32", "U8", "I8"})

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I64": 8, "I32": 4}
_BYTES |= {"U32": 4, "U16": 2, "I16": 2, "U8": 1, "I8": 1, "BOOL": 1}

#: A count of packed words is 4 to 16 times too small, so this tells them from weights.
_SAME = 1.6

#: What a size by the config or the name may be off without being wrong.
_PLAUSIBLE = 2.0

WORD_BITS = 32


class Size(Struct, frozen=True):
    """Of a model."""

    parameters: int | None = None
    evidence: str = ""
    estimated_bytes: int | None = None
    """Of the weights, where their files' sizes are not known."""
    bits_per_weight: float | None = None
    """Measured, where both the bytes and the weights are known independently."""


def size_of(
    model: str,
    config: Mapping[str, Any] | None,
    storage: Storage,
    *,
    counts: Mapping[str, int],
    weights_bytes: int | None,
) -> Size:
    """Weights and bytes, from the best source there is.

    Args:
        model: repo id or folder.
        config: its ``config.json``.
        storage: how its weights are stored.
        counts: ``safetensors.parameters`` of the Hub, by data type; may be empty.
        weights_bytes: exact size of its weight files, if known.
    """
    counts = {kind: n for kind, n in counts.items() if n > 0}
    quantization, bits = storage.quantization, storage.bits
    shaped = count(config) if config else None
    named = size_of_name(model)
    per_weight = bits_per_weight(quantization) if quantization and quantization.bits else bits
    guess = shaped or (named.parameters if named else None)
    counted = _counted(counts, guess, quantization, weights_bytes)
    if counted:
        parameters, evidence = counted, "safetensors"
    elif weights_bytes and bits and not quantization:
        parameters, evidence = weights_bytes * 8 // bits, "size of the weights"
    elif shaped:
        parameters, evidence = shaped, "config.json: shape"
    elif weights_bytes and per_weight:
        parameters, evidence = round(weights_bytes * 8 / per_weight), "size of the weights"
    elif named:
        parameters, evidence = named.parameters, f"name: {named.word}"
    else:
        return Size()
    if weights_bytes:
        # A shape leaves out what is not the language model, so only without such parts can it tell.
        exact = counted or (shaped and not has_other_parts(config or {}))
        measured = round(weights_bytes * 8 / parameters, 2) if quantization and exact else None
        return Size(parameters, evidence, None, measured)
    estimated = _bytes_of(counts, counted, quantization) if counted else None
    if estimated is None and per_weight:
        estimated = round(parameters * per_weight / 8)
    return Size(parameters, evidence, estimated)


def _counted(
    counts: Mapping[str, int],
    guess: int | None,
    quantization: Quantization | None,
    weights_bytes: int | None,
) -> int | None:
    """Weights by the Hub's own count, if it can be understood."""
    loose = _sum(counts, but=_PACKED)
    words = counts.get("U32", 0)
    if not words:
        return None if _PACKED & counts.keys() else loose or None
    per_word = _weights_per_word(words, guess, quantization, weights_bytes)
    if per_word is None:
        return None
    weights = round(words * per_word)
    return weights + max(0, loose - _scales(weights, quantization))


def _weights_per_word(
    words: int, guess: int | None, quantization: Quantization | None, weights_bytes: int | None
) -> float | None:
    known = quantization and quantization.bits and not quantization.mixed
    inside = WORD_BITS / quantization.bits if quantization and known else None
    if weights_bytes:
        return inside if words * 4 <= weights_bytes else 1.0  # as words, they would not go in
    if guess is None:
        return None
    if _near(words, guess, _SAME):
        return 1.0
    return inside if inside and _near(words * inside, guess, _PLAUSIBLE) else None


def _scales(weights: int, quantization: Quantization | None) -> int:
    """Scales and biases among the values that are not packed."""
    if quantization is None or quantization.mode != "affine":
        return 0
    return 2 * weights // (quantization.group_size or 64)


def _bytes_of(
    counts: Mapping[str, int], counted: int, quantization: Quantization | None
) -> int | None:
    rest = sum(n * _BYTES.get(kind, 2) for kind, n in counts.items() if kind != "U32")
    if "U32" not in counts:
        return rest
    if quantization is None or quantization.mixed:
        return None
    loose = _sum(counts, but=_PACKED)
    packed = counted - max(0, loose - _scales(counted, quantization))
    return rest + round(packed * quantization.bits / 8)


def _sum(counts: Mapping[str, int], *, but: frozenset[str]) -> int:
    return sum(n for kind, n in counts.items() if kind not in but)


def _near(one: float, other: float, factor: float) -> bool:
    return other / factor <= one <= other * factor
