"""What people type, and which models they would want: written before any ranking was looked at.

A label says what a wanted model's id must have, not what an index answers. It is stricter than
"has all the words": who types ``qwen3 8b`` wants Qwen3-8B and not somebody's merge of it, so most
labels say how the name begins.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: How conversions of so many bits are called.
BITS = {f"{bits}bit": rf"{bits}-?bit|q{bits}" for bits in (3, 4, 5, 6, 8)}


class Labelled(msgspec.Struct, frozen=True, dict=True):
    """One query. Regular expressions, on the lower-case id."""

    query: str
    begins: str = ""
    """What the name, without its author, begins with; no letter or digit may follow."""
    has: str = ""
    """Words, each anywhere in the id, between what is neither a letter nor a digit."""
    lacks: str = ""
    """Words that a wanted model's id does not have."""
    author: str = ""

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], list[re.Pattern[str]], list[re.Pattern[str]]]:
        begins = re.compile(rf"(?:{self.begins})(?![a-z0-9]|\.[0-9])" if self.begins else "")
        return begins, _words(self.has), _words(self.lacks)

    def wants(self, model: str) -> bool:
        """Whether somebody who typed the query wants this model."""
        author, _, name = model.casefold().partition("/")
        begins, has, lacks = self._patterns
        return (
            (not self.author or self.author == author)
            and begins.match(name) is not None
            and all(word.search(name) for word in has)
            and not any(word.search(name) for word in lacks)
        )


def _words(text: str) -> list[re.Pattern[str]]:
    return [
        re.compile(rf"(?<![a-z0-9])(?<![0-9]\.)(?:{BITS.get(word, word)})(?![a-z0-9]|\.[0-9])")
        for word in text.split()
    ]


def precision(
    found: Callable[[str], list[str]], ids: list[str], labels: Sequence[Labelled], *, at: int = 10
) -> dict[str, float]:
    """By query: of the first ``at`` found, or as many as are wanted at all, the share wanted."""
    shares = {}
    for label in labels:
        wanted = sum(map(label.wants, ids))
        places = min(at, wanted)
        shares[label.query] = sum(map(label.wants, found(label.query)[:places])) / places
    return shares


LABELLED = (
    # As the names are written, more or less.
    Labelled("qwen3 8b", "qwen3-8b"),
    Labelled("qwen3 8b 4bit", "qwen3-8b", "4bit"),
    Labelled("Qwen3-8B-4bit", "qwen3-8b", "4bit"),
    Labelled("qwen3 0.6b", "qwen3-0.6b"),
    Labelled("qwen3 embedding", "qwen3-embedding"),
    Labelled("qwen3 reranker 4b", "qwen3-reranker-4b"),
    Labelled("qwen3 30b a3b instruct 2507", "qwen3-30b-a3b-instruct-2507"),
    Labelled("qwen3 4b thinking", "qwen3-4b-thinking"),
    Labelled("qwen3 next 80b", "qwen3-next-80b-a3b"),
    Labelled("qwen2.5 coder 7b instruct", "qwen2.5-coder-7b-instruct"),
    Labelled("qwen2.5 vl 7b", "qwen2.5-vl-7b"),
    Labelled("qwq 32b", "qwq-32b"),
    Labelled("llama 3.2 3b instruct", "llama-3.2-3b-instruct"),
    Labelled("llama 3.3 70b 4bit", "llama-3.3-70b-instruct", "4bit"),
    Labelled("llama 3.1 8b", "meta-llama-3.1-8b"),
    Labelled("llama 3.2 vision", r"llama-3.2-\d+b-vision"),
    Labelled("llama 4 scout", "llama-4-scout"),
    Labelled("gemma 3 27b it qat 4bit", "gemma-3-27b-it-qat", "4bit"),
    Labelled("gemma 3 270m", "gemma-3-270m"),
    Labelled("gemma 3n e4b", "gemma-3n-e4b"),
    Labelled("gemma 2 9b instruct", "gemma-2-9b-it"),
    Labelled("phi 4", "phi-4"),
    Labelled("phi 4 mini", "phi-4-mini"),
    Labelled("mixtral 8x7b", "(nous-hermes-2-)?mixtral-8x7b"),
    Labelled("mistral 7b instruct v0.3", "mistral-7b-instruct-v0.3"),
    Labelled("mistral small 3.2", "mistral-small-3.2"),
    Labelled("devstral", "devstral"),
    Labelled("gpt oss 20b mxfp4", "gpt-oss-20b", "mxfp4"),
    Labelled("gpt-oss 120b", "gpt-oss-120b"),
    Labelled("deepseek r1 distill llama 8b", "deepseek-r1-distill-llama-8b"),
    Labelled("deepseek v3.1", "deepseek-v3.1"),
    Labelled("deepseek coder v2 lite", "deepseek-coder-v2-lite"),
    Labelled("kimi k2 thinking", "kimi-k2-thinking"),
    Labelled("glm 4.5 air", "glm-4.5-air"),
    Labelled("glm 4.6 4bit", "glm-4.6", "4bit"),
    Labelled("minimax m2", "minimax-m2"),
    Labelled("smollm2 135m", "smollm2-135m"),
    Labelled("granite 4.0 h tiny", "granite-4.0-h-tiny"),
    Labelled("lfm2 1.2b 8bit", "lfm2-1.2b", "8bit"),
    Labelled("hermes 4 70b", "hermes-4-70b"),
    Labelled("whisper large v3 turbo", "whisper-large-v3-turbo"),
    Labelled("parakeet tdt 0.6b v3", "parakeet-tdt-0.6b-v3"),
    Labelled("bge m3", "bge-m3"),
    Labelled("all minilm l6", "all-minilm-l6"),
    Labelled("internvl3 8b", "internvl3-8b"),
    Labelled("command r7b", "c4ai-command-r7b"),
    # Written together, or apart where the name is not.
    Labelled("phi4", "phi-4"),
    Labelled("llama3.2 3b instruct 4 bit", "llama-3.2-3b-instruct", "4bit"),
    Labelled("qwen 3 coder 30b a3b", "qwen3-coder-30b-a3b"),
    Labelled("qwen3coder 30b", "qwen3-coder-30b"),
    Labelled("gptoss 20b", "gpt-oss-20b"),
    Labelled("deepseekr1 distill", "deepseek-r1-distill"),
    Labelled("deep seek r1 0528", "deepseek-r1-0528"),
    Labelled("gemma3 12b 4-bit", "gemma-3-12b", "4bit"),
    Labelled("smol lm 3", "smollm3"),
    Labelled("tiny llama 1.1b", "tinyllama-1.1b"),
    Labelled("code llama 34b", "codellama-34b"),
    Labelled("glm4.5v", "glm-4.5v"),
    Labelled("qwen2.5vl 3b", "qwen2.5-vl-3b"),
    Labelled("intern vl 3.5 8b", "internvl3_5-8b"),
    Labelled("stable lm", "stablelm"),
    Labelled("yi 1.5 9 b", "yi-1.5-9b"),
    # Other words for it.
    Labelled("gemma 3 4b instruct", "gemma-3-4b-it"),
    Labelled("ds r1 distill qwen 7b", "deepseek-r1-distill-qwen-7b"),
    Labelled("qwen3 8b q4", "qwen3-8b", "4bit"),
    Labelled("llama 2 13b instruct", "llama-2-13b-chat"),
    Labelled("qwen3 vision 8b", "qwen3-vl-8b"),
    # By whom.
    Labelled("lmstudio gpt oss 20b", "gpt-oss-20b", author="lmstudio-community"),
    Labelled("mlx-community qwen3 4b", "qwen3-4b", author="mlx-community"),
    Labelled("mlx-community/gemma", "gemma", author="mlx-community"),
    Labelled("nightmedia qwen3 coder", "qwen3-coder", author="nightmedia"),
    # While it is typed.
    Labelled("qwen3 cod", "qwen3-coder"),
    Labelled("deepseek r1 dis", "deepseek-r1-distill"),
    Labelled("llama 3.2 1b ins", "llama-3.2-1b-instruct"),
    Labelled("magist", "magistral"),
    Labelled("whisp", "(distil-)?whisper"),
    # Mistyped.
    Labelled("deepsek r1 distil", "deepseek-r1-distill"),
    Labelled("qwn3 vl", "qwen3-vl"),
    Labelled("lama 3.2 3b", "llama-3.2-3b"),  # codespell:ignore lama
    Labelled("mistrl 7b instruct", "mistral-7b-instruct"),
    Labelled("gema 3 4b", "gemma-3-4b"),
    Labelled("mixtrla 8x22b", "mixtral-8x22b"),
    Labelled("lama 4 mavrick", "llama-4-maverick"),  # codespell:ignore lama,mavrick
    Labelled("qwen3 embeding 0.6b", "qwen3-embedding-0.6b"),  # codespell:ignore embeding
    Labelled("quen3 14b", "qwen3-14b"),
    Labelled("devstrall small", "devstral-small"),
    Labelled("granit 3.3 8b", "granite-3.3-8b"),
    Labelled(
        "llama 3.3 70b instrcut 8bit", "llama-3.3-70b-instruct", "8bit"
    ),  # codespell:ignore instrcut
    Labelled("wisper large v3", "whisper-large-v3"),  # codespell:ignore wisper
    Labelled(
        "deepseek r1 distill lama 70b", "deepseek-r1-distill-llama-70b"
    ),  # codespell:ignore lama
    Labelled("smolm2 360m", "smollm2-360m"),
    Labelled("paligema2", "paligemma2"),
    Labelled("codestrl 22b", "codestral-22b"),
    Labelled("kimi k2 thinkng", "kimi-k2-thinking"),
)
