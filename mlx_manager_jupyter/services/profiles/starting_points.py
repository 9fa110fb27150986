"""Ready-made beginnings by family, with the numbers that the makers recommend. Pure."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from mlx_manager_jupyter.schema import StartingPoint


class _Point(NamedTuple):
    pattern: str
    """Of a model's id, in lower case, with hyphens for whatever else separates its words."""
    family: str
    title: str
    reason: str
    values: dict[str, Any]


#: The particular ones first. A model gets all that fit: the first is the likeliest.
_POINTS = (
    _Point(
        r"qwen3-coder",
        "qwen3-coder",
        "Qwen3 Coder",
        "Best practices of the card of Qwen/Qwen3-Coder-30B-A3B-Instruct.",
        {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "repetition_penalty": 1.05},
    ),
    _Point(
        r"^(?!.*(deepseek|coder|embed|rerank|instruct|-vl-)).*qwen3-",
        "qwen3",
        "Qwen3, thinking",
        "Best practices of the card of Qwen/Qwen3-8B, thinking mode; greedy decoding makes it "
        "repeat itself without end.",
        {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0.0},
    ),
    _Point(
        r"^(?!.*(deepseek|coder|embed|rerank|thinking|-vl-)).*qwen3-",
        "qwen3-instruct",
        "Qwen3, without thinking",
        "Best practices of the card of Qwen/Qwen3-8B, non-thinking mode.",
        {
            "temperature": 0.7,
            "top_p": 0.8,
            "top_k": 20,
            "min_p": 0.0,
            "chat_template_args": {"enable_thinking": False},
        },
    ),
    _Point(
        r"qwen3-vl",
        "qwen3-vl",
        "Qwen3-VL, sees images",
        "Generation settings of the card of Qwen/Qwen3-VL-8B-Instruct.",
        {"model_type": "multimodal", "temperature": 0.7, "top_p": 0.8, "top_k": 20},
    ),
    _Point(
        r"gemma-?3n?-",
        "gemma3",
        "Gemma 3",
        "generation_config.json of google/gemma-3-4b-it (top k 64, top p 0.95), at the "
        "temperature of 1 that it leaves as it is.",
        {"temperature": 1.0, "top_k": 64, "top_p": 0.95, "min_p": 0.0},
    ),
    _Point(
        r"llama-?3(-\d)?-(?!.*vision)",
        "llama3",
        "Llama 3",
        "generation_config.json of meta-llama/Llama-3.1-8B-Instruct.",
        {"temperature": 0.6, "top_p": 0.9},
    ),
    _Point(
        r"gpt-oss",
        "gpt-oss",
        "gpt-oss",
        "README of openai/gpt-oss: sample with temperature=1.0 and top_p=1.0.",
        {
            "temperature": 1.0,
            "top_p": 1.0,
            "chat_template_args": {"reasoning_effort": "medium"},
        },
    ),
    _Point(
        r"magistral",
        "magistral",
        "Magistral, thinking",
        "Card of mistralai/Magistral-Small-2506.",
        {"temperature": 0.7, "top_p": 0.95, "max_tokens": 40960},
    ),
    _Point(
        r"mistral-small|devstral",
        "mistral-small",
        "Mistral Small and Devstral",
        "Card of mistralai/Mistral-Small-3.2-24B-Instruct-2506: a low temperature such as 0.15.",
        {"temperature": 0.15},
    ),
    _Point(
        r"mistral-nemo",
        "mistral-nemo",
        "Mistral Nemo",
        "Card of mistralai/Mistral-Nemo-Instruct-2407: smaller temperatures than before; 0.3.",
        {"temperature": 0.3},
    ),
    _Point(
        r"deepseek-r1|r1-distill",
        "deepseek-r1",
        "DeepSeek-R1 and its distillates",
        "Usage recommendations of the card of deepseek-ai/DeepSeek-R1: 0.5 to 0.7 (0.6), and no "
        "system prompt.",
        {"temperature": 0.6, "top_p": 0.95},
    ),
    _Point(
        r"phi-?4-(mini-)?reasoning",
        "phi4-reasoning",
        "Phi-4 reasoning",
        "Card of microsoft/Phi-4-reasoning.",
        {"temperature": 0.8, "top_k": 50, "top_p": 0.95},
    ),
    _Point(
        r"phi-?4(?!.*reasoning)",
        "phi4",
        "Phi-4",
        "The example of the card of microsoft/Phi-4-mini-instruct: no sampling.",
        {"temperature": 0.0},
    ),
    _Point(
        r"glm-?4",
        "glm4",
        "GLM-4.x",
        "Recommended evaluation parameters of the card of zai-org/GLM-4.6: temperature 1.0, for "
        "code top p 0.95 and top k 40.",
        {"temperature": 1.0, "top_p": 0.95, "top_k": 40},
    ),
    _Point(
        r"smollm3",
        "smollm3",
        "SmolLM3",
        "Card of HuggingFaceTB/SmolLM3-3B.",
        {"temperature": 0.6, "top_p": 0.95},
    ),
    _Point(
        r"smollm(2|-)",
        "smollm2",
        "SmolLM and SmolLM2",
        "The example of the card of HuggingFaceTB/SmolLM2-135M-Instruct.",
        {"temperature": 0.2, "top_p": 0.9},
    ),
    _Point(
        r"embed|(^|-)(bge|gte|e5|minilm)(-|$)",
        "embeddings",
        "Embeddings",
        "It answers with vectors, so nothing is sampled; it is small, and gives its memory back "
        "after ten minutes.",
        {"model_type": "embeddings", "idle_unload_seconds": 600.0},
    ),
    _Point(
        r"(^|-)(vl|vlm|vision|llava|paligemma|pixtral)(-|$|\d)|smolvlm",
        "vision",
        "Sees images",
        "Images take many tokens: room for a few of them, and a low temperature to say what is "
        "there.",
        {"model_type": "multimodal", "context_length": 16384, "temperature": 0.2},
    ),
)

_OTHER = re.compile(r"[^a-z0-9]+")


def for_model(model: str) -> tuple[StartingPoint, ...]:
    """Those that fit a model by its name; all of them without one."""
    name = _OTHER.sub("-", model.rstrip("/").rpartition("/")[2].casefold())
    return tuple(
        StartingPoint(
            family=point.family, title=point.title, reason=point.reason, values=dict(point.values)
        )
        for point in _POINTS
        if not model or re.search(point.pattern, name)
    )
