"""Which family a model belongs to, in the words of those who made it."""

from __future__ import annotations

import re

from mlx_manager_jupyter.services.models.names import plain
from mlx_manager_jupyter.services.models.reading import words

#: By family, the beginnings of ``model_type`` and of words in names. A letter must not follow; a
#: digit may.
_BEGINNINGS = {
    "AFM": "afm",
    "Apertus": "apertus",
    "Arcee": "arcee trinity",
    "Aya": "aya c4ai-aya",
    "BERT": "bert modernbert roberta xlm-roberta distilbert",
    "BGE": "bge",
    "Baichuan": "baichuan",
    "BitNet": "bitnet",
    "Command": "command cohere c4ai-command",
    "DBRX": "dbrx",
    "DeepSeek": "deepseek deepseekocr",
    "ERNIE": "ernie",
    "EXAONE": "exaone",
    "CSM": "csm",
    "FLUX": "flux",
    "Falcon": "falcon",
    "Florence": "florence",
    "GLM": "glm chatglm",
    "GPT-2": "gpt2",
    "GPT-J": "gptj",
    "GPT-NeoX": "gpt-neox gpt-neo pythia",
    "GTE": "gte",
    "Gemma": "gemma codegemma embeddinggemma functiongemma medgemma recurrentgemma"
    " recurrent-gemma shieldgemma",
    "Granite": "granite granitemoe granitemoehybrid",
    "Hermes": "hermes deephermes nous-hermes",
    "Hunyuan": "hunyuan",
    "Idefics": "idefics",
    "InternLM": "internlm",
    "InternVL": "internvl",
    "Jamba": "jamba",
    "Kimi": "kimi moonlight",
    "Kokoro": "kokoro",
    "LFM": "lfm",
    "LLaVA": "llava",
    "Ling": "ling ring bailing",
    "Llama": "llama mllama codellama tinyllama meta-llama",
    "LongCat": "longcat",
    "Mamba": "mamba codestral-mamba",
    "MiMo": "mimo",
    "MiniCPM": "minicpm minicpmv minicpmo",
    "MiniLM": "all-minilm minilm",
    "MiniMax": "minimax",
    "Mistral": "mistral ministral mixtral pixtral voxtral codestral devstral magistral mathstral",
    "Molmo": "molmo",
    "Moondream": "moondream",
    "Nemotron": "nemotron llama-nemotron nvidia-nemotron",
    "Nomic": "nomic",
    "OLMo": "olmo olmoe",
    "OpenELM": "openelm",
    "PLaMo": "plamo",
    "PaliGemma": "paligemma",
    "Parakeet": "parakeet",
    "Phi": "phi phimoe phixtral",
    "Qwen": "qwen codeqwen qwq qvq",
    "RWKV": "rwkv",
    "Seed": "seed",
    "SmolLM": "smollm",
    "SmolVLM": "smolvlm",
    "Solar": "solar",
    "StableLM": "stablelm",
    "StarCoder": "starcoder gpt-bigcode",
    "Step": "step",
    "TeleChat": "telechat",
    "Whisper": "whisper",
    "Yi": "yi",
    "dots": "dots",
    "gpt-oss": "gpt-oss",
}
_FAMILIES = {word: family for family, listed in _BEGINNINGS.items() for word in words(listed)}

#: The longest first, so that ``llama-nemotron`` is found before ``llama``.
_WORD = re.compile(
    r"(?:^|(?<=-))("
    + "|".join(sorted(map(re.escape, _FAMILIES), key=len, reverse=True))
    + r")(?![a-z])"
)
#: Architectures that many makers use, so that the name has a say too.
_BORROWED = words(
    "llama mistral qwen2 qwen2-moe qwen3 gpt2 gpt-neox gpt-bigcode phi3 gemma2 mixtral bert"
    " xlm-roberta roberta deepseek-v3 deepseek-v2 modernbert llava llava-qwen2 cohere"
)


def family_of(model: str, model_type: str | None) -> tuple[str | None, str]:
    """The family and what says so.

    The type decides, but for a type that others build on, where the name may know better: SmolLM2
    is of type ``llama``, Kimi K2 of ``deepseek_v3``. Where the name mentions both, as that of
    DeepSeek-R1 distilled into Qwen, it is the type's.
    """
    kind = (model_type or "").replace("_", "-")
    by_type = next(iter(_mentioned(kind)), None)
    by_name = _mentioned(plain(model))
    if by_type and (kind not in _BORROWED or not by_name or by_type in by_name):
        return by_type, f"model_type {model_type}"
    return (by_name[0], "name") if by_name else (None, "")


def _mentioned(name: str) -> list[str]:
    return [_FAMILIES[found] for found in _WORD.findall(name)]
