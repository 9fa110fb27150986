"""mlx-openai-server: parsers for tools and thoughts, queues, speech to text, pictures.

Measured on 1.8.1, which runs one child for each model: its port opens once the model is loaded, and
a failed load ends it with exit code **0**. Its versions differ a lot, so every flag is one that the
installed version's own ``launch --help`` lists. What is worked around:

- ``multimodal`` with batching hangs for ever (1.8.1): ``--disable-batching`` where there is one;
- a ``seed`` counts only without batching (so says 1.8.1's help): the same;
- it writes ``logs/app.log`` where it runs: ``--no-log-file``;
- an answer may have a million tokens unless somebody says less: see `own_words`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mlx_manager_jupyter.adapters.engines.base import Engine
from mlx_manager_jupyter.adapters.engines.flag import Flag
from mlx_manager_jupyter.adapters.engines.meaning import Meaning, meanings_of
from mlx_manager_jupyter.errors import StartFailed, UnsupportedField

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlx_manager_jupyter.adapters.engines.installed import Installation
    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.schema import Profile, StoredServer

#: Where an answer is cut when neither request, profile nor context length says: room for a long
#: text with thoughts, and an end for a model that repeats itself.
MAX_TOKENS = 4096

_SERVED_NAME = "--served-model-name"
_MODEL_TYPE = "--model-type"
_NO_BATCHING = "--disable-batching"
_BATCHED = ("decode_concurrency", "prompt_concurrency", "prefill_step_size")
_TALKING = frozenset({"auto", "lm", "multimodal"})
_DRAWING = frozenset({"image-generation", "image-edit"})

#: ``/v1/responses`` is in the interface of 1.8.1, and in none before 1.8.
_RESPONSES_SINCE = (1, 8)

_OFFERS: Mapping[str, frozenset[str]] = {
    "embeddings": frozenset({"models", "embeddings"}),
    "whisper": frozenset({"models", "audio/transcriptions"}),
    "image-generation": frozenset({"models", "images/generations"}),
    "image-edit": frozenset({"models", "images/edits"}),
}


class MlxOpenaiServer(Engine, frozen=True, kw_only=True):
    """It is told what kind of model it gets, and how it shall be called."""

    def refusals(
        self, profile: Profile, installation: Installation | None = None
    ) -> Iterator[tuple[str, MLXManagerError]]:
        """What is honoured only for some models, or only with batching."""
        yield from super().refusals(profile, installation)
        if installation and _is_unbatched(profile) and _NO_BATCHING in installation.flags:
            why = "with a seed" if profile.seed is not None else "for a model that sees"
            for name in _BATCHED:
                if getattr(profile, name) is not None:
                    yield (
                        name,
                        UnsupportedField(
                            f"mlx-openai-server can't honour the field {name!r} {why}: it runs "
                            "without batching then.",
                            "Leave one of them out.",
                        ),
                    )
        if profile.adapter_path and profile.model_type not in _DRAWING:
            yield (
                "adapter_path",
                UnsupportedField(
                    "mlx-openai-server can't honour the field 'adapter_path' but for images.",
                    "Engines that can: mlx-lm, mlx-vlm. Or leave it out.",
                ),
            )

    def own_words(self, installation: Installation, profile: Profile) -> list[str]:
        """Its type and its name, and what keeps the version from doing wrong."""
        kind = "lm" if profile.model_type == "auto" else profile.model_type
        words = [_MODEL_TYPE, kind]
        if _SERVED_NAME in installation.flags:
            words += [_SERVED_NAME, profile.name]
        if "--no-log-file" in installation.flags:
            words += ["--no-log-file"]
        if _is_unbatched(profile) and _NO_BATCHING in installation.flags:
            words += [_NO_BATCHING]
        limited = kind in _TALKING and profile.max_tokens is None
        if limited and "--max-tokens" in installation.flags:
            words += ["--max-tokens", str(_most(profile))]
        return words

    def served_name(self, installation: Installation, profile: Profile, model: Path | None) -> str:
        """The profile's, where the version can be told it, else the path."""
        return profile.name if _SERVED_NAME in installation.flags else str(model)

    def request_values(self, profile: Profile) -> dict[str, Any]:
        """Versions before 1.6 have no flags for sampling, so requests say it."""
        values = super().request_values(profile)
        return {"max_tokens": _most(profile)} | values

    def running(self, stored: StoredServer) -> Profile:
        """Told by its command line."""
        words = dict(pairwise(stored.argv))
        return replace(stored.profile, model_type=words.get(_MODEL_TYPE, "auto"))

    def endpoints(self, version: str | None, profile: Profile) -> frozenset[str]:
        """By what it runs."""
        offered = _OFFERS.get(profile.model_type, self.offers)
        numbers = re.match(r"(\d+)\.(\d+)", version or "")
        old = numbers and (int(numbers[1]), int(numbers[2])) < _RESPONSES_SINCE
        return offered - {"responses"} if old else offered


def _is_unbatched(profile: Profile) -> bool:
    """With batching a model that sees never answers, and a seed counts for nothing."""
    if profile.model_type == "multimodal":
        return True
    return profile.model_type in _TALKING and profile.seed is not None


def _most(profile: Profile) -> int:
    return profile.max_tokens or profile.context_length or MAX_TOKENS


MLX_OPENAI_SERVER = MlxOpenaiServer(
    kind="mlx-openai-server",
    executable="mlx-openai-server",
    subcommand=("launch",),
    distribution="mlx-openai-server",
    install_hint="jupyter mlx engines install mlx-openai-server",
    model_flag="--model-path",
    flags={
        "context_length": Flag("--context-length"),
        "max_tokens": Flag("--max-tokens"),
        "temperature": Flag("--temperature"),
        "top_p": Flag("--top-p"),
        "top_k": Flag("--top-k"),
        "min_p": Flag("--min-p"),
        "repetition_penalty": Flag("--repetition-penalty"),
        "seed": Flag("--seed"),
        "tool_call_parser": Flag("--tool-call-parser"),
        "reasoning_parser": Flag("--reasoning-parser"),
        "message_converter": Flag("--message-converter"),
        "enable_auto_tool_choice": Flag("--enable-auto-tool-choice", "switch"),
        "chat_template_file": Flag("--chat-template-file", "path"),
        "trust_remote_code": Flag("--trust-remote-code", "switch"),
        "adapter_path": Flag("--lora-paths", "path"),
        "draft_model": Flag("--draft-model-path"),
        "num_draft_tokens": Flag("--num-draft-tokens"),
        "prompt_cache_size": Flag("--prompt-cache-size"),
        "prompt_cache_bytes": Flag("--max-bytes"),
        "kv_bits": Flag("--kv-bits"),
        "kv_group_size": Flag("--kv-group-size"),
        "quantized_kv_start": Flag("--quantized-kv-start"),
        "decode_concurrency": Flag("--decode-concurrency"),
        "prompt_concurrency": Flag("--prompt-concurrency"),
        "prefill_step_size": Flag("--prefill-step-size"),
        "max_concurrency": Flag("--max-concurrency"),
        "queue_size": Flag("--queue-size"),
        "queue_timeout": Flag("--queue-timeout", "seconds"),
        "log_level": Flag("--log-level"),
    },
    request_fields={
        "max_tokens": "max_tokens",
        "temperature": "temperature",
        "top_p": "top_p",
        "top_k": "top_k",
        "min_p": "min_p",
        "repetition_penalty": "repetition_penalty",
        "seed": "seed",
        "chat_template_args": "chat_template_kwargs",
    },
    model_types=frozenset(
        {"lm", "multimodal", "embeddings", "whisper", "image-generation", "image-edit"}
    ),
    offers=frozenset({"models", "chat/completions", "responses"}),
    fatal=re.compile(
        r"^ERROR:\s+Application startup failed|\[Errno \d+\] error while attempting to bind"
    ),
    meanings=(
        *meanings_of(
            "mlx-openai-server",
            "mlx-openai-server",
            "jupyter mlx engines upgrade mlx-openai-server",
        ),
        Meaning(
            pattern=re.compile(r"failed to initialize: (?:Error loading model: )?(.+)"),
            error=StartFailed,
            message="The model could not be loaded: {0}",
            hint="The log has the whole trace.",
        ),
    ),
)
