"""Which family a model belongs to, in the words of those who made it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlx_manager_jupyter.services.models.names import plain
from mlx_manager_jupyter.services.models.reading import words

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Beginnings of ``model_type``, and of words in names; the first that matches decides, so the
#: special ones precede those that they contain.
_BEGINNINGS = (
    ("gpt-oss", "gpt-oss"),
    ("embeddinggemma", "Gemma"),
    ("recurrent-gemma", "Gemma"),
    ("recurrentgemma", "Gemma"),
    ("functiongemma", "Gemma"),
    ("codegemma", "Gemma"),
    ("medgemma", "Gemma"),
    ("paligemma", "PaliGemma"),
    ("shieldgemma", "Gemma"),
    ("gemma", "Gemma"),
    ("qwen", "Qwen"),
    ("qwq", "Qwen"),
    ("qvq", "Qwen"),
    ("tinyllama", "Llama"),
    ("codellama", "Llama"),
    ("mllama", "Llama"),
    ("llama", "Llama"),
    ("meta-llama", "Llama"),
    ("devstral", "Mistral"),
    ("magistral", "Mistral"),
    ("codestral", "Mistral"),
    ("mathstral", "Mistral"),
    ("ministral", "Mistral"),
    ("mistral", "Mistral"),
    ("mixtral", "Mistral"),
    ("pixtral", "Mistral"),
    ("voxtral", "Mistral"),
    ("deepseek", "DeepSeek"),
    ("phi", "Phi"),
    ("chatglm", "GLM"),
    ("glm", "GLM"),
    ("granite", "Granite"),
    ("smolvlm", "SmolVLM"),
    ("smollm", "SmolLM"),
    ("olmo", "OLMo"),
    ("molmo", "Molmo"),
    ("command", "Command"),
    ("cohere", "Command"),
    ("aya", "Aya"),
    ("c4ai-aya", "Aya"),
    ("c4ai-command", "Command"),
    ("lfm", "LFM"),
    ("kimi", "Kimi"),
    ("moonlight", "Kimi"),
    ("minimax", "MiniMax"),
    ("llama-nemotron", "Nemotron"),
    ("nemotron", "Nemotron"),
    ("nvidia-nemotron", "Nemotron"),
    ("ernie", "ERNIE"),
    ("falcon", "Falcon"),
    ("jamba", "Jamba"),
    ("mamba", "Mamba"),
    ("codestral-mamba", "Mamba"),
    ("rwkv", "RWKV"),
    ("whisper", "Whisper"),
    ("kokoro", "Kokoro"),
    ("parakeet", "Parakeet"),
    ("internvl", "InternVL"),
    ("internlm", "InternLM"),
    ("idefics", "Idefics"),
    ("llava", "LLaVA"),
    ("moondream", "Moondream"),
    ("florence", "Florence"),
    ("bge", "BGE"),
    ("gte", "GTE"),
    ("nomic", "Nomic"),
    ("modernbert", "BERT"),
    ("xlm-roberta", "BERT"),
    ("roberta", "BERT"),
    ("all-minilm", "MiniLM"),
    ("bert", "BERT"),
    ("yi", "Yi"),
    ("starcoder", "StarCoder"),
    ("gpt-bigcode", "StarCoder"),
    ("stablelm", "StableLM"),
    ("exaone", "EXAONE"),
    ("hunyuan", "Hunyuan"),
    ("seed-oss", "Seed"),
    ("seed", "Seed"),
    ("bailing", "Ling"),
    ("ling", "Ling"),
    ("ring", "Ling"),
    ("longcat", "LongCat"),
    ("mimo", "MiMo"),
    ("step", "Step"),
    ("solar", "Solar"),
    ("afm", "AFM"),
    ("arcee", "Arcee"),
    ("trinity", "Arcee"),
    ("apertus", "Apertus"),
    ("bitnet", "BitNet"),
    ("openelm", "OpenELM"),
    ("dbrx", "DBRX"),
    ("minicpm", "MiniCPM"),
    ("baichuan", "Baichuan"),
    ("plamo", "PLaMo"),
    ("dots", "dots"),
    ("telechat", "TeleChat"),
    ("hermes", "Hermes"),
    ("gpt2", "GPT-2"),
    ("gpt-neox", "GPT-NeoX"),
    ("gpt-neo", "GPT-NeoX"),
    ("gptj", "GPT-J"),
)
#: These types are architectures that many makers use, so the name is asked first.
_BORROWED = words(
    "llama mistral qwen2 qwen2-moe qwen3 gpt2 gpt-neox gpt-bigcode phi3 gemma2 mixtral bert"
    " xlm-roberta roberta deepseek-v3 deepseek-v2 modernbert llava llava-qwen2 new cohere"
)


def family_of(model: str, model_type: str | None) -> tuple[str | None, str]:
    """The family and what says so.

    The type decides, but for a type that others build on, where the name may know better: SmolLM2
    is of type ``llama``, Kimi K2 of ``deepseek_v3``, and a distillation of DeepSeek-R1 into Qwen is
    a Qwen.
    """
    kind = (model_type or "").replace("_", "-")
    by_type = _beginning(kind)
    if by_type and kind not in _BORROWED:
        return by_type, f"config.json: model_type {model_type}"
    by_name = list(_all_in(model))
    if by_type and (not by_name or by_type in by_name):
        return by_type, f"config.json: model_type {model_type}"
    return (by_name[0], "name") if by_name else (None, "")


def _all_in(model: str) -> Iterator[str]:
    """The families that a name mentions, in its order."""
    name = plain(model)
    for start in (0, *(found.end() for found in re.finditer("-", name))):
        if family := _beginning(name[start:]):
            yield family


def _beginning(name: str) -> str | None:
    for beginning, family in _BEGINNINGS:
        if name.startswith(beginning) and not name[len(beginning) :][:1].isalpha():
            return family
    return None
