"""Counting a network's weights from the sizes in its config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.services.models.reading import (
    MOST_LAYERS,
    record,
    text,
    text_part,
    texts,
    whole,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Networks whose layers are attention and a gated MLP, dense or a mixture of experts. Others, such
#: as hybrids or Gemma 3n, are built of parts that the config does not give in full.
_PLAIN = words(
    "llama mistral mixtral ministral3 mistral3 qwen2 qwen2_moe qwen3 qwen3_moe qwen2_vl qwen2_5_vl"
    " qwen3_vl qwen3_vl_moe gemma gemma2 gemma3 gemma3_text phi3 smollm3 olmo2 olmo3 olmoe granite"
    " granitemoe cohere cohere2 deepseek_v2 deepseek_v3 kimi_k2 glm4_moe glm4_moe_lite gpt_oss"
    " minimax_m2 minimax ernie4_5 ernie4_5_moe hunyuan_v1_dense exaone4 seed_oss"
)
#: Their classes share the embedding with the output unless the config says otherwise.
_TIED_UNLESS_SAID = frozenset({"gemma", "gemma2", "gemma3", "gemma3_text", "cohere", "cohere2"})


def count(config: Mapping[str, Any]) -> int | None:
    """Weights of the language model; None where the config does not say enough.

    Norms and biases are left out: some 0.01 % of the whole. So are towers for images and sound.
    """
    part = text_part(config)
    outer, name = text(config.get("model_type")), text(part.get("model_type"))
    if not {name, name.removesuffix("_text"), outer} & _PLAIN:
        return None
    width, vocabulary = whole(part, "hidden_size"), whole(part, "vocab_size")
    layers = whole(part, "num_hidden_layers")
    if not (width and vocabulary and layers) or layers > MOST_LAYERS:
        return None
    attention = _attention(part, width)
    dense = 3 * width * (whole(part, "intermediate_size_mlp", "intermediate_size") or 4 * width)
    sparse = _experts(part, width)
    plain = _dense_layers(part, layers) if sparse else layers
    tied = part.get("tie_word_embeddings", bool({name, outer} & _TIED_UNLESS_SAID))
    embeddings = vocabulary * width * (1 if tied is True else 2)
    return embeddings + layers * attention + plain * dense + (layers - plain) * sparse


def has_other_parts(config: Mapping[str, Any]) -> bool:
    """Whether there are weights beside the language model, for images or sound."""
    return any(record(config.get(f"{sense}_config")) for sense in ("vision", "audio", "speech"))


def _attention(part: Mapping[str, Any], width: int) -> int:
    heads = whole(part, "num_attention_heads") or 1
    if rank := whole(part, "kv_lora_rank"):
        return _latent(part, width, heads, rank)
    dims = whole(part, "head_dim") or width // heads
    kv_heads = whole(part, "num_key_value_heads") or heads
    return 2 * width * heads * dims + 2 * width * kv_heads * dims


def _latent(part: Mapping[str, Any], width: int, heads: int, rank: int) -> int:
    rope, nope = whole(part, "qk_rope_head_dim") or 0, whole(part, "qk_nope_head_dim") or 0
    value, query_rank = whole(part, "v_head_dim") or 0, whole(part, "q_lora_rank")
    query = heads * (rope + nope)
    queries = query_rank * (width + query) if query_rank else width * query
    return queries + width * (rank + rope) + rank * heads * (nope + value) + heads * value * width


def _experts(part: Mapping[str, Any], width: int) -> int:
    """Of one layer with experts; 0 if the model has none."""
    number = whole(part, "num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
    if not number:
        return 0
    one = whole(part, "moe_intermediate_size", "intermediate_size") or 0
    shared = whole(part, "shared_expert_intermediate_size") or 0
    shared = shared or one * (whole(part, "n_shared_experts", "moe_num_shared_experts") or 0)
    return 3 * width * (number * one + shared) + width * number


def _dense_layers(part: Mapping[str, Any], layers: int) -> int:
    """Layers of a mixture that have no experts."""
    kinds = texts(part.get("mlp_layer_types"))
    if kinds:
        return sum(kind == "dense" for kind in kinds)
    listed = part.get("mlp_only_layers")
    first = whole(part, "first_k_dense_replace", "moe_layer_start_index") or 0
    return min(layers, first + (len(listed) if isinstance(listed, list) else 0))
