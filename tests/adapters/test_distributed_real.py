"""What we say can be shared out, against mlx-lm's own code doing it."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlx_manager_jupyter.adapters.engines.distributed.abilities import abilities
from mlx_manager_jupyter.adapters.engines.distributed.split import parts_of
from mlx_manager_jupyter.adapters.engines.installed import Installation

pytestmark = pytest.mark.engine

INSTALLED = Installation("mlx-lm", (str(Path(sys.executable).with_name("mlx_lm.server")),))

_BASE: dict[str, Any] = {
    "hidden_size": 192,
    "intermediate_size": 384,
    "num_hidden_layers": 1,
    "num_attention_heads": 12,
    "num_key_value_heads": 6,
    "head_dim": 32,
    "vocab_size": 64,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
}
_EXPERTS = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 128}
_LATENT = {
    "kv_lora_rank": 64,
    "q_lora_rank": 32,
    "qk_rope_head_dim": 32,
    "qk_nope_head_dim": 32,
    "v_head_dim": 32,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 64,
    "first_k_dense_replace": 1,
    "moe_layer_freq": 1,
    "n_group": 1,
    "topk_group": 1,
    "topk_method": "noaux_tc",
    "scoring_func": "sigmoid",
    "norm_topk_prob": True,
    "routed_scaling_factor": 1.0,
    "rope_scaling": None,
    "attention_bias": False,
}
SHAPES: dict[str, dict[str, Any]] = {
    "llama": _BASE,
    "qwen2": _BASE | {"intermediate_size": 448},
    "qwen3": _BASE | {"num_key_value_heads": 4, "intermediate_size": 320},
    "qwen3_moe": _BASE
    | _EXPERTS
    | {"mlp_only_layers": [], "decoder_sparse_step": 1, "norm_topk_prob": True},
    "deepseek_v3": _BASE | _LATENT | {"num_hidden_layers": 2},
    "gpt_oss": _BASE
    | {"num_local_experts": 2, "num_experts_per_tok": 1, "intermediate_size": 192}
    | {"num_hidden_layers": 2, "layer_types": ["full_attention", "sliding_attention"]}
    | {"sliding_window": 128, "rope_scaling": None},
    "minimax": _BASE
    | {"num_local_experts": 2, "num_experts_per_tok": 1, "rotary_dim": 16, "use_qk_norm": True}
    | {"shared_intermediate_size": 0, "scoring_func": "sigmoid", "layernorm_mlp_beta": 1.0}
    | {"layernorm_full_attention_alpha": 1.0, "layernorm_full_attention_beta": 1.0}
    | {"layernorm_linear_attention_alpha": 1.0, "layernorm_linear_attention_beta": 1.0}
    | {"layernorm_mlp_alpha": 1.0, "attn_type_list": [1]},
}


@dataclass
class Group:
    """All that ``shard`` asks of one before anything is sent."""

    ranks: int

    def size(self) -> int:
        return self.ranks

    def rank(self) -> int:
        return self.ranks - 1


def build(model_type: str, config: dict[str, Any], group_size: int | None) -> Any:
    module = importlib.import_module(f"mlx_lm.models.{model_type}")
    nn = importlib.import_module("mlx.nn")
    model = module.Model(module.ModelArgs.from_dict(config | {"model_type": model_type}))
    if group_size:
        nn.quantize(
            model,
            group_size,
            4,
            class_predicate=lambda _, layer: (
                hasattr(layer, "to_quantized") and layer.weight.shape[-1] % group_size == 0
            ),
        )
    return model


def can_cut(model: Any, config: dict[str, Any], ranks: int) -> bool:
    """Let mlx-lm cut the model, and see that each rank has whole heads.

    It may cut heads in halves, too: then the first request ends a rank.
    """
    heads = [config["num_attention_heads"]]
    heads += [] if "kv_lora_rank" in config else [config["num_key_value_heads"]]
    try:
        model.shard(Group(ranks))
    except (ValueError, AssertionError, ZeroDivisionError):
        return False
    return not any(number % ranks for number in heads)


@pytest.mark.parametrize("group_size", [None, 32, 64])
@pytest.mark.parametrize("model_type", SHAPES)
def test_what_we_refuse_is_what_mlx_lm_can_not_cut(model_type: str, group_size: int | None) -> None:
    config = SHAPES[model_type]
    said, found = {}, {}
    quantized = {"quantization": {"group_size": group_size, "bits": 4}} if group_size else {}
    for ranks in (2, 3, 4, 5, 6, 12):
        parts = parts_of(config | quantized | {"model_type": model_type})
        said[ranks] = all(part.fits(ranks) for part in parts)
        found[ranks] = can_cut(build(model_type, config, group_size), config, ranks)
    assert said == found


def test_both_answers_are_among_those_cases() -> None:
    parts = parts_of(SHAPES["qwen3"] | {"quantization": {"group_size": 32, "bits": 4}})
    assert {part.fits(2) for part in parts} == {True}
    assert {part.fits(4) for part in parts} == {True, False}


def test_types_that_mlx_lm_can_cut_are_those_we_name() -> None:
    able = abilities(INSTALLED)
    assert able is not None
    cuts = set()
    for module in pkgutil.iter_modules(importlib.import_module("mlx_lm.models").__path__):
        try:
            model = importlib.import_module(f"mlx_lm.models.{module.name}")
        except (ImportError, SystemExit):  # they want packages of their own
            continue
        if hasattr(getattr(model, "Model", None), "shard"):
            cuts.add(module.name)
    assert set(able.which(able.cuts)) == cuts
    assert {"llama", "qwen3", "qwen3_moe"} <= cuts
    # Of those that deal out layers it is seen on the instances only.
    assert {"qwen3_moe", "deepseek_v3", "glm_moe_dsa", "kimi_k25"} <= set(
        able.which(able.deals_out)
    )
    assert not able.deals_out("llama")
