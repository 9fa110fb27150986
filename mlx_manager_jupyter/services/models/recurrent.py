"""What layers without attention keep: a state whose size does not depend on the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mlx_manager_jupyter.services.models.reading import record, whole

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(Struct, frozen=True):
    """Of one layer and conversation."""

    values: int
    """In the model's own data type: the last inputs of a short convolution."""
    floats: int = 0
    """In 32 bits whatever the model has: the recurrence itself."""


def state_of(part: Mapping[str, Any]) -> State | None:
    """The state of a layer without attention; None if the config describes none."""
    for kind in (_delta_net, _kimi, _mamba2, _mamba, _short_conv, _griffin, _rwkv, _lightning):
        if state := kind(part):
            return state
    return None


def _delta_net(part: Mapping[str, Any]) -> State | None:
    """Gated delta net: Qwen3-Next, Qwen3.5, OLMo Hybrid."""
    heads, dims = whole(part, "linear_num_value_heads"), whole(part, "linear_value_head_dim")
    key_heads, key = whole(part, "linear_num_key_heads"), whole(part, "linear_key_head_dim")
    kernel = whole(part, "linear_conv_kernel_dim")
    if not (heads and dims and key_heads and key and kernel):
        return None
    conv = (kernel - 1) * (2 * key_heads * key + heads * dims)
    return State(conv, heads * dims * key)


def _kimi(part: Mapping[str, Any]) -> State | None:
    """Kimi delta attention, with a convolution each for queries, keys and values."""
    linear = record(part.get("linear_attn_config"))
    heads, dims = whole(linear, "num_heads"), whole(linear, "head_dim")
    kernel = whole(linear, "short_conv_kernel_size") or 4
    if not (heads and dims):
        return None
    return State(3 * (kernel - 1) * heads * dims, heads * dims * dims)


def _mamba2(part: Mapping[str, Any]) -> State | None:
    """Mamba 2 under its many names: Granite 4, Nemotron-H, Falcon-H1, PLaMo 2."""
    named = part.get("model_type") == "mamba2"
    heads = whole(part, "mamba_n_heads", "mamba_num_heads", *(["num_heads"] if named else []))
    dims = whole(part, "mamba_d_head", "mamba_head_dim", "hidden_size_per_head")
    dims = dims or whole(part, "head_dim")
    state = whole(part, "mamba_d_state", "ssm_state_size", "state_size")
    kernel = whole(part, "mamba_d_conv", "conv_kernel", "mamba_conv_kernel")
    if not (heads and dims and state and kernel):
        return None
    groups = whole(part, "mamba_n_groups", "n_groups")
    # PLaMo 2 makes what the groups share after the convolution.
    shared = 0 if part.get("model_type") == "plamo2" else 2 * (groups or 1) * state
    return State((kernel - 1) * (heads * dims + shared), heads * dims * state)


def _mamba(part: Mapping[str, Any]) -> State | None:
    """Mamba, also in Jamba. Its recurrence is in the model's own data type."""
    state = whole(part, "state_size", "mamba_d_state", "d_state")
    kernel = whole(part, "conv_kernel", "mamba_d_conv", "d_conv")
    width = whole(part, "hidden_size", "d_model") or 0
    inner = (whole(part, "mamba_expand") or 0) * width
    inner = inner or whole(part, "intermediate_size", "d_inner") or 2 * width
    if not (state and kernel and inner):
        return None
    return State(inner * (kernel - 1 + state))


def _short_conv(part: Mapping[str, Any]) -> State | None:
    """LFM2: nothing but a short convolution."""
    length, width = whole(part, "conv_L_cache"), whole(part, "hidden_size")
    return State((length - 1) * width) if length and width else None


def _griffin(part: Mapping[str, Any]) -> State | None:
    """RecurrentGemma: a convolution and one value for each channel."""
    kernel, width = whole(part, "conv1d_width"), whole(part, "lru_width", "hidden_size")
    return State(kernel * width) if kernel and width else None


def _rwkv(part: Mapping[str, Any]) -> State | None:
    """RWKV 7: the last input twice, and a matrix for each head."""
    dims, width = whole(part, "head_dim"), whole(part, "hidden_size")
    if part.get("model_type") != "rwkv7" or not (dims and width):
        return None
    return State(2 * width + width * dims)


def _lightning(part: Mapping[str, Any]) -> State | None:
    """Gated linear attention of Ling and Ring Linear."""
    heads, width = whole(part, "num_attention_heads"), whole(part, "hidden_size")
    if not (whole(part, "layer_group_size") and heads and width):
        return None
    dims = whole(part, "head_dim") or width // heads
    return State(0, heads * dims * dims)
