"""Keys and values of one token in one layer: full, grouped, multi-query and latent attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mlx_manager_jupyter.services.models.reading import MOST_LAYERS, record, text, texts, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Latent attention, but mlx-lm keeps the keys and values that are made from the latent.
_UNFOLDED = frozenset({"deepseek_v2", "minicpm3", "youtu_llm"})


class Heads(Struct, frozen=True):
    """Of a language model, in values a token and layer."""

    layers: int
    full: int
    sliding: int
    """In layers with a window."""
    extra: int = 0
    """In a second cache of the same layer: the indexer of DeepSeek V3.2."""
    each: Sequence[int] = ()
    """By layer, where they differ."""

    def values(self, layer: int) -> int:
        """In this layer."""
        return self.each[layer] if layer < len(self.each) else self.full


def heads_of(part: Mapping[str, Any]) -> Heads | None:
    """The shape of the attention; None if the config does not give one."""
    layers = whole(part, "num_hidden_layers", "n_layers", "n_layer", "num_layers")
    layers = layers or len(texts(part.get("layers_block_type"))) or len(_pattern(part))
    if not layers or layers > MOST_LAYERS:
        return None
    if latent := _latent(part):
        doubled = 2 if text(part.get("model_type")).startswith("longcat_flash") else 1
        return Heads(layers * doubled, latent, latent, 2 * (whole(part, "index_head_dim") or 0))
    dims = _dims(part)
    full = _kv_heads(part) * (dims + (whole(part, "v_head_dim") or dims))
    return Heads(_kept(part, layers), _global(part, full), _sliding(part, full), 0, _each(part))


def _latent(part: Mapping[str, Any]) -> int:
    """What multi-head latent attention keeps: one latent and one rotated key for all heads.

    DeepSeek-V2, https://arxiv.org/abs/2405.04434, section 2.1.
    """
    rank, rope = whole(part, "kv_lora_rank"), whole(part, "qk_rope_head_dim") or 0
    if not rank:
        return 0
    if part.get("model_type") not in _UNFOLDED:
        return rank + rope
    heads = whole(part, "num_attention_heads") or 0
    nope = whole(part, "qk_nope_head_dim") or 0
    value = whole(part, "v_head_dim") or 0
    if not value:  # MiniCPM3 names none
        value = (whole(part, "hidden_size") or 0) // max(1, heads)
    return heads * (nope + rope + value)


def _dims(part: Mapping[str, Any]) -> int:
    told = whole(part, "head_dim", "hidden_size_per_head", "kv_channels", "attention_head_dim")
    width = whole(part, "hidden_size", "n_embd", "d_model", "hidden_dim", "model_dim") or 0
    return told or width // _heads(part)


def _heads(part: Mapping[str, Any]) -> int:
    return whole(part, "num_attention_heads", "n_head", "n_heads", "num_heads") or 1


def _kv_heads(part: Mapping[str, Any]) -> int:
    inner = record(part.get("attn_config"))  # DBRX
    told = whole(part, "num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num")
    told = told or whole(inner, "kv_n_heads")
    if told is None and part.get("multi_query") is True:
        return 1
    return told or _heads(part)


def _global(part: Mapping[str, Any], full: int) -> int:
    """Gemma 4 has other heads in the layers that see everything."""
    dims = whole(part, "global_head_dim")
    if not dims:
        return full
    heads = _kv_heads(part)
    if part.get("attention_k_eq_v") is True:
        heads = whole(part, "num_global_key_value_heads") or heads
    return 2 * heads * dims


def _sliding(part: Mapping[str, Any], full: int) -> int:
    """MiMo V2 has other heads in the layers with a window."""
    heads, dims = whole(part, "swa_num_key_value_heads"), whole(part, "swa_head_dim")
    if not heads or not dims:
        return full
    return heads * (dims + (whole(part, "swa_v_head_dim") or dims))


def _each(part: Mapping[str, Any]) -> Sequence[int]:
    """OpenELM lists key heads by layer."""
    listed = part.get("num_kv_heads")
    if not isinstance(listed, list):
        return ()
    counts = [one if isinstance(one, int) and 0 < one < MOST_LAYERS else 0 for one in listed]
    return [2 * count * _dims(part) for count in counts[:MOST_LAYERS]]


def _kept(part: Mapping[str, Any], layers: int) -> int:
    """Nemotron-NAS has left the attention out of some layers."""
    blocks = part.get("block_configs")
    if not isinstance(blocks, list) or not blocks:
        return layers
    inner = [record(record(block).get("attention")) for block in blocks[:MOST_LAYERS]]
    return sum(not (a.get("no_op") or a.get("replace_with_linear")) for a in inner)


def _pattern(part: Mapping[str, Any]) -> str:
    pattern = part.get("hybrid_override_pattern")
    return pattern if isinstance(pattern, str) else "".join(texts(pattern))
