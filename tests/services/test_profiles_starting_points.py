"""Ready-made beginnings: for which models, and that each can be saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.services.profiles.starting_points import for_model
from mlx_manager_jupyter.services.profiles.validation import make

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import StartingPoint


@pytest.mark.parametrize(
    ("model", "families"),
    [
        ("mlx-community/Qwen3-8B-4bit", ["qwen3", "qwen3-instruct"]),
        ("mlx-community/Qwen3-30B-A3B-Instruct-2507-4bit", ["qwen3-instruct"]),
        ("mlx-community/Qwen3-30B-A3B-Thinking-2507-4bit", ["qwen3"]),
        ("mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit", ["qwen3-coder"]),
        ("mlx-community/Qwen3-VL-8B-Instruct-4bit", ["qwen3-vl", "vision"]),
        ("mlx-community/Qwen3-Embedding-0.6B-4bit-DWQ", ["embeddings"]),
        ("mlx-community/Qwen2.5-VL-7B-Instruct-4bit", ["vision"]),
        ("mlx-community/gemma-3-4b-it-4bit", ["gemma3"]),
        ("mlx-community/gemma-3n-E4B-it-lm-4bit", ["gemma3"]),
        ("mlx-community/Meta-Llama-3.1-8B-Instruct-4bit", ["llama3"]),
        ("mlx-community/Llama-3.2-1B-Instruct-bf16", ["llama3"]),
        ("mlx-community/Llama-3.2-11B-Vision-Instruct-4bit", ["vision"]),
        ("mlx-community/gpt-oss-20b-MXFP4-Q4", ["gpt-oss"]),
        ("mlx-community/Magistral-Small-2506-4bit", ["magistral"]),
        ("mlx-community/Mistral-Small-3.2-24B-Instruct-2506-4bit", ["mistral-small"]),
        ("mlx-community/Mistral-Nemo-Instruct-2407-4bit", ["mistral-nemo"]),
        ("mlx-community/DeepSeek-R1-Distill-Qwen-7B-4bit", ["deepseek-r1"]),
        ("mlx-community/DeepSeek-R1-0528-Qwen3-8B-4bit", ["deepseek-r1"]),
        ("mlx-community/phi-4-4bit", ["phi4"]),
        ("mlx-community/Phi-4-mini-reasoning-4bit", ["phi4-reasoning"]),
        ("mlx-community/GLM-4.5-Air-4bit", ["glm4"]),
        ("mlx-community/SmolLM2-135M-Instruct", ["smollm2"]),
        ("mlx-community/SmolLM3-3B-4bit", ["smollm3"]),
        ("mlx-community/bge-small-en-v1.5-4bit", ["embeddings"]),
        ("/models/Qwen3-8B-4bit/", ["qwen3", "qwen3-instruct"]),
        ("mlx-community/OLMo-2-0425-1B-Instruct-4bit", []),
    ],
)
def test_which_models_begin_where(model: str, families: list[str]) -> None:
    assert [point.family for point in for_model(model)] == families


@pytest.mark.parametrize("point", for_model(""), ids=lambda point: point.family)
def test_each_can_be_saved_and_says_whose_numbers_they_are(point: StartingPoint) -> None:
    profile = make({"name": "x", "model": "org/m", **point.values})
    assert profile.model == "org/m"
    assert len(point.reason) > 20
    assert point.title


def test_nobody_changes_them_for_others() -> None:
    for_model("gemma-3-4b")[0].values["temperature"] = 9
    assert for_model("gemma-3-4b")[0].values["temperature"] == 1.0
