"""A model of a few kilobytes by which an engine proves that it can load and answer.

A real llama in the smallest shape: one layer, bytes as tokens. What it says means nothing.
Standard library alone: a safetensors file is a JSON header and raw bytes.
"""

from __future__ import annotations

import json
import struct
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, MLP = 32, 64
#: Heads of 16: the smallest size of which every engine's attention is known to work.
HEADS = 2
END, USER, ASSISTANT = SPECIALS = ("<|end|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def write(folder: Path) -> Path:
    """Write the model into ``folder``, made if need be, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _vocabulary()
    (folder / "model.safetensors").write_bytes(_weights(len(vocabulary)))
    for name, content in {
        "config.json": _config(vocabulary),
        "tokenizer.json": _tokenizer(vocabulary),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": END,
            "clean_up_tokenization_spaces": False,
            "chat_template": TEMPLATE,
        },
    }.items():
        (folder / name).write_text(json.dumps(content), "utf-8")
    return folder


def _config(vocabulary: dict[str, int]) -> dict[str, object]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": WIDTH,
        "num_hidden_layers": 1,
        "intermediate_size": MLP,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "vocab_size": len(vocabulary),
        "max_position_embeddings": 2048,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "eos_token_id": vocabulary[END],
    }


def _weights(size: int) -> bytes:
    layer = "model.layers.0"
    shapes: dict[str, tuple[int, ...]] = {
        "lm_head.weight": (size, WIDTH),
        "model.embed_tokens.weight": (size, WIDTH),
        f"{layer}.input_layernorm.weight": (WIDTH,),
        f"{layer}.mlp.down_proj.weight": (WIDTH, MLP),
        f"{layer}.mlp.gate_proj.weight": (MLP, WIDTH),
        f"{layer}.mlp.up_proj.weight": (MLP, WIDTH),
        f"{layer}.post_attention_layernorm.weight": (WIDTH,),
        f"{layer}.self_attn.k_proj.weight": (WIDTH, WIDTH),
        f"{layer}.self_attn.o_proj.weight": (WIDTH, WIDTH),
        f"{layer}.self_attn.q_proj.weight": (WIDTH, WIDTH),
        f"{layer}.self_attn.v_proj.weight": (WIDTH, WIDTH),
        "model.norm.weight": (WIDTH,),
    }
    header: dict[str, object] = {"__metadata__": {"format": "mlx"}}
    data = bytearray()
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        # A sawtooth: neither all zero, which hides a broken kernel, nor large enough to overflow.
        values = (
            [1.0] * count if len(shape) == 1 else [(i * 37 % 101 - 50) / 1000 for i in range(count)]
        )
        start = len(data)
        data += array("f", values).tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (start, len(data))}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(data)


def _tokenizer(vocabulary: dict[str, int]) -> dict[str, object]:
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": vocabulary[token], "content": token, "special": True, **added}
            for token in SPECIALS
        ],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }


def _vocabulary() -> dict[str, int]:
    """The special tokens, then every byte by its printable name in GPT-2's byte-level alphabet."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    names = {byte: chr(byte) for byte in printable}
    names |= {byte: chr(0x100 + place) for place, byte in enumerate(others)}
    tokens = [*SPECIALS, *(names[byte] for byte in range(256))]
    return {token: number for number, token in enumerate(tokens)}
