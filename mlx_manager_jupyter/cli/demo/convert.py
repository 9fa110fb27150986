"""Turn a llama GGUF into a folder that MLX engines load, without rounding a single weight.

Run as ``python -m mlx_manager_jupyter.cli.demo.convert GGUF FOLDER``: a process of its own, so that
the command line never imports MLX and Ctrl-C ends the work at once.

MLX reads the blocks of Q4_1 and Q8_0 as they are (groups of 32 values, one scale and one bias
each). Only the scales become float32: the same numbers, but MLX's CPU backend multiplies half
precision some forty times slower.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

#: Values that share a scale in every GGUF block type of this family.
GROUP_SIZE = 32
#: Most of the weights; what has other widths is listed module by module.
BITS = 4
#: GGUF's number for a token that steers instead of being text.
CONTROL = 3

MODULES = {
    "token_embd": "model.embed_tokens",
    "output": "lm_head",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def convert(gguf: Path, folder: Path) -> None:
    """Write ``config.json``, weights and tokenizer of the model in ``gguf`` into ``folder``.

    Raises:
        ImportError: MLX is not there, or (on Linux) lacks its backend.
        KeyError: not a llama of the known layout.
    """
    import mlx.core as mx  # noqa: PLC0415  optional, and only this process needs it

    loaded: Any = mx.load(str(gguf), return_metadata=True)
    tensors, metadata = loaded
    facts = {name: _plain(value) for name, value in metadata.items()}
    heads = {
        "attn_q": facts["llama.attention.head_count"],
        "attn_k": facts["llama.attention.head_count_kv"],
    }
    weights: dict[str, Any] = {}
    for name, tensor in tensors.items():
        layer, module, kind = _parts(name)
        value = _unpermute(tensor, heads[module]) if module in heads else tensor
        if value.dtype == mx.float16:
            value = value.astype(mx.float32)
        weights[f"{layer}{MODULES[module]}.{kind}"] = value

    folder.mkdir(parents=True, exist_ok=True)
    mx.save_safetensors(str(folder / "model.safetensors"), weights, {"format": "mlx"})
    for file, content in {
        "config.json": _config(facts, weights),
        "tokenizer.json": _tokenizer(facts),
        "tokenizer_config.json": _tokenizer_config(facts),
    }.items():
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (folder / file).write_text(text, encoding="utf-8")


def _plain(value: Any) -> Any:  # noqa: ANN401  strings, lists, or MLX arrays of any shape
    return value.tolist() if hasattr(value, "tolist") else value


def _parts(name: str) -> tuple[str, str, str]:
    """``blk.7.attn_q.scales`` → ``model.layers.7.``, ``attn_q``, ``scales``."""
    found = re.fullmatch(r"(?:blk\.(\d+)\.)?(\w+)\.(weight|scales|biases)", name)
    if found is None:
        raise KeyError(name)
    number, module, kind = found.groups()
    return f"model.layers.{number}." if number else "", module, kind


def _unpermute(tensor: Any, heads: int) -> Any:  # noqa: ANN401  MLX is untyped
    """Undo GGUF's order of the rows of queries and keys.

    It stores a head's two rotary halves interleaved, MLX one after the other. Rows move as wholes,
    and so do their scales and biases.
    """
    rows, *rest = tensor.shape
    return tensor.reshape(heads, rows // heads // 2, 2, *rest).swapaxes(1, 2).reshape(rows, *rest)


def _config(facts: dict[str, Any], weights: dict[str, Any]) -> dict[str, Any]:
    quantization: dict[str, Any] = {"group_size": GROUP_SIZE, "bits": BITS}
    for name, scales in weights.items():
        module, _, kind = name.rpartition(".")
        if kind == "scales":
            values_a_row = scales.shape[-1] * GROUP_SIZE
            bits = 32 * weights[f"{module}.weight"].shape[-1] // values_a_row
            if bits != BITS:
                quantization[module] = {"group_size": GROUP_SIZE, "bits": bits}
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": facts["llama.embedding_length"],
        "num_hidden_layers": facts["llama.block_count"],
        "intermediate_size": facts["llama.feed_forward_length"],
        "num_attention_heads": facts["llama.attention.head_count"],
        "num_key_value_heads": facts["llama.attention.head_count_kv"],
        "rms_norm_eps": facts["llama.attention.layer_norm_rms_epsilon"],
        "rope_theta": facts["llama.rope.freq_base"],
        "max_position_embeddings": facts["llama.context_length"],
        "vocab_size": facts["llama.vocab_size"],
        "tie_word_embeddings": "lm_head.weight" not in weights,
        "torch_dtype": "float32",
        "bos_token_id": facts["tokenizer.ggml.bos_token_id"],
        "eos_token_id": facts["tokenizer.ggml.eos_token_id"],
        "pad_token_id": facts["tokenizer.ggml.padding_token_id"],
        "quantization": quantization,
    }


def _tokenizer(facts: dict[str, Any]) -> dict[str, Any]:
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    tokens = facts["tokenizer.ggml.tokens"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": number, "content": token, "special": True, **flags}
            for number, token in enumerate(tokens)
            if facts["tokenizer.ggml.token_type"][number] == CONTROL
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in facts["tokenizer.ggml.merges"]],
        },
    }


def _tokenizer_config(facts: dict[str, Any]) -> dict[str, Any]:
    tokens = facts["tokenizer.ggml.tokens"]
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[facts["tokenizer.ggml.bos_token_id"]],
        "eos_token": tokens[facts["tokenizer.ggml.eos_token_id"]],
        "pad_token": tokens[facts["tokenizer.ggml.padding_token_id"]],
        "unk_token": tokens[facts["tokenizer.ggml.unknown_token_id"]],
        "clean_up_tokenization_spaces": False,
        "model_max_length": facts["llama.context_length"],
        "chat_template": facts["tokenizer.chat_template"],
    }


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
