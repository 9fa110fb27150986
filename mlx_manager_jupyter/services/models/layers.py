"""What each layer keeps of a conversation, as the classes of mlx-lm 0.32 do it.

Sizes are in *values*: numbers of the model's own data type, two bytes each as a rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mlx_manager_jupyter.services.models.attention import Heads, heads_of
from mlx_manager_jupyter.services.models.reading import (
    MOST_LAYERS,
    record,
    texts,
    whole,
    words,
)
from mlx_manager_jupyter.services.models.recurrent import State, state_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Growing(Struct, frozen=True):
    """Keys and values of every token."""

    values: int
    """A token."""
    quantizable: bool = True
    """mlx-lm quantizes plain caches only, not those that it keeps in pairs."""


class Window(Struct, frozen=True):
    """Keys and values of the last ``tokens`` tokens."""

    values: int
    """A token."""
    tokens: int
    stepped: bool = False
    """Allocated in steps, as llama 4's chunks are."""


Layer = Growing | Window | State

FULL, SLIDING, CHUNKED, RECURRENT, BOTH, NOTHING = range(6)

#: Words for the kinds of layers, in ``layer_types``, ``layers_block_type`` and ``block_types``.
_WORDS = {
    "full_attention": FULL,
    "attention": FULL,
    "hybrid": BOTH,
    "sliding_attention": SLIDING,
    "chunked_attention": CHUNKED,
    "linear_attention": RECURRENT,
    "mamba": RECURRENT,
    "mamba2": RECURRENT,
    "conv": RECURRENT,
    "recurrent": RECURRENT,
    "moe": NOTHING,
    "mlp": NOTHING,
}
#: The same as Nemotron-H writes it: one letter a layer.
_LETTERS = {"M": RECURRENT, "*": FULL, "-": NOTHING, "E": NOTHING}

#: Models whose sliding layers drop what has left the window. Others, Gemma 2 and Mistral 0.1 among
#: them, have a window too, but mlx-lm keeps every token for them.
_SLIDING = words(
    "afmoe cohere2 exaone4 exaone_moe gear gemma3 gemma3_text gemma3n gemma3n_text gemma4"
    " gemma4_text gemma4_unified gpt_oss laguna llama mellum mimo_v2_flash ministral3 mistral"
    " muse_glimmer muse_spark olmo3 plamo3 recurrent_gemma spark2_5 step3p5"
)

#: Nothing but a state of constant size.
_STATE_ONLY = frozenset({"mamba", "mamba2", "falcon_mamba", "rwkv7"})

#: Every *n*-th layer sees all tokens, where the config of the model does not say so itself: the
#: defaults of mlx-lm's own classes.
_INTERVALS = {"gemma3": 6, "gemma3_text": 6, "cohere2": 4, "gemma4_text": 5, "plamo3": 8}
_ALTERNATING = frozenset({"gpt_oss", "step3p5"})

#: They read a text once and generate nothing.
_ENCODERS = words(
    "bert roberta xlm-roberta xlm_roberta modernbert nomic_bert distilbert mpnet new"
    " gemma3_embedding"
)


def layers_of(part: Mapping[str, Any]) -> list[Layer]:
    """The caches of a language model, one entry for each; empty if its shape is not known.

    ``part`` is what `reading.text_part` returns. A kind of layer that nobody knows counts as full
    attention, so that a new architecture is estimated too large rather than too small.
    """
    name = part.get("model_type")
    heads = heads_of(part)
    if name in _ENCODERS or heads is None:
        return []
    state = state_of(part)
    window = whole(part, "sliding_window", "sliding_window_size", "window_size")
    window = window or whole(part, "attention_window_size")
    layers: list[Layer] = []
    kinds = _kinds(part, heads.layers)
    for place, kind in enumerate(kinds[: _own(part, len(kinds))]):
        if kind in {RECURRENT, BOTH} and state is not None:
            layers.append(state)
        if kind == SLIDING and window and name in _SLIDING:
            layers.append(Window(heads.sliding, window))
        elif kind == CHUNKED and (chunk := whole(part, "attention_chunk_size")):
            layers.append(Window(heads.values(place), chunk, stepped=True))
        elif kind not in {RECURRENT, NOTHING} or (kind == RECURRENT and state is None):
            layers += _growing(heads, place, paired=kind == BOTH)
    return layers


def _growing(heads: Heads, place: int, *, paired: bool) -> list[Layer]:
    layers: list[Layer] = [Growing(heads.values(place), quantizable=not (paired or heads.extra))]
    return [*layers, Growing(heads.extra, quantizable=False)] if heads.extra else layers


def _kinds(part: Mapping[str, Any], count: int) -> Sequence[int]:
    name = part.get("model_type")
    if name in _STATE_ONLY:
        return [RECURRENT] * count
    if name == "falcon_h1":
        return [BOTH] * count
    return _listed(part, count) or _repeated(part, count) or [FULL] * count


def _listed(part: Mapping[str, Any], count: int) -> Sequence[int]:
    """Where the config says it layer by layer."""
    pattern = part.get("hybrid_override_pattern")
    if letters := (pattern if isinstance(pattern, str) else "".join(texts(pattern))):
        return [_LETTERS.get(letter, FULL) for letter in letters[:MOST_LAYERS]]
    for field in ("layers_block_type", "layer_types"):
        if listed := texts(part.get(field)):
            return [_WORDS.get(word, FULL) for word in listed[:MOST_LAYERS]]
    blocks = texts(part.get("block_types")) or texts(part.get("_block_types"))
    if blocks:  # RecurrentGemma: repeated to the end, and its attention has a window
        kinds = {"attention": SLIDING, "recurrent": RECURRENT}
        return [kinds.get(word, FULL) for word in _cycle(blocks, count)]
    slides = part.get("hybrid_layer_pattern")
    if isinstance(slides, list) and slides:
        return [SLIDING if one == 1 else FULL for one in slides[:MOST_LAYERS]]
    return _indexed(part, count)


def _indexed(part: Mapping[str, Any], count: int) -> Sequence[int]:
    """Where it lists the places of the layers with attention."""
    full = part.get("full_attn_idxs")
    if isinstance(full, list):
        return [FULL if place in full else RECURRENT for place in range(count)]
    full = record(part.get("linear_attn_config")).get("full_attn_layers")
    if isinstance(full, list):  # Kimi Linear counts from one
        return [FULL if place + 1 in full else RECURRENT for place in range(count)]
    return ()


def _repeated(part: Mapping[str, Any], count: int) -> Sequence[int]:
    """Where the config gives a period, or the model's class has one of its own."""
    if period := whole(part, "full_attention_interval"):
        return _every(period, RECURRENT, count)
    if period := whole(part, "attn_layer_period"):
        offset = whole(part, "attn_layer_offset") or 0
        return [FULL if place % period == offset else RECURRENT for place in range(count)]
    if period := whole(part, "layer_group_size"):  # Ling Linear: what is left over is full
        rest = count // period * period
        kinds = _every(period, RECURRENT, count)
        return [*kinds[:rest], *[FULL] * (count - rest)]
    if isinstance(letters := part.get("sliding_window_pattern"), str) and letters:
        return [SLIDING if letter == "L" else FULL for letter in _cycle(letters, count)]
    return _by_type(part, count)


def _by_type(part: Mapping[str, Any], count: int) -> Sequence[int]:
    name = part.get("model_type")
    if name in _ALTERNATING:
        return [FULL if place % 2 else SLIDING for place in range(count)]
    if name in {"llama4", "llama4_text"}:
        return _every(4, CHUNKED, count)
    period = whole(part, "sliding_window_pattern") or _INTERVALS.get(str(name))
    return _every(period, SLIDING, count) if period else ()


def _every(period: int, others: int, count: int) -> list[int]:
    return [others if (place + 1) % period else FULL for place in range(count)]


def _cycle(words: Sequence[str], count: int) -> list[str]:
    return [words[place % len(words)] for place in range(count)]


def _own(part: Mapping[str, Any], count: int) -> int:
    """Layers that keep something of their own; Gemma 3n's last ones look at what others keep."""
    return max(0, count - (whole(part, "num_kv_shared_layers") or 0))
