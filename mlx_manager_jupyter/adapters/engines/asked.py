"""Fields that become keys of a request, as servers that speak OpenAI's language take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The last four are not OpenAI's own, but what vLLM, MLX's engines and llama.cpp take.
REQUEST_FIELDS: Mapping[str, str] = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "top_k": "top_k",
    "min_p": "min_p",
    "repetition_penalty": "repetition_penalty",
    "chat_template_args": "chat_template_kwargs",
}

#: What a server that we know nothing of may answer. If it does not, its own error is passed on.
ANYTHING = frozenset(
    {"models", "chat/completions", "completions", "responses", "embeddings", "messages"}
    | {"audio/transcriptions", "images/generations", "images/edits"}
)

#: What OpenAI's own server puts into a stream, and MLX's engines mostly don't; ``prompts`` is a
#: ``prompt`` of completions that is no text.
EXTRAS = frozenset({"n", "logprobs", "best_of", "echo", "suffix", "prompts"})
