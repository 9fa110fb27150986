"""mlx-vlm: the broad one. It sees, embeds, and talks in OpenAI's and Anthropic's words.

Measured on 0.7.10: its port opens once the model is loaded, and a failed load ends it with exit
code 3. A request that names another model unloads the one that is served, so the name upstream is
always the path that it was started with. By default it listens on every address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from mlx_manager_jupyter.adapters.engines.base import Engine
from mlx_manager_jupyter.adapters.engines.fields import MODEL
from mlx_manager_jupyter.adapters.engines.flag import Flag
from mlx_manager_jupyter.adapters.engines.meaning import Meaning, meanings_of
from mlx_manager_jupyter.adapters.engines.probe import Probe
from mlx_manager_jupyter.errors import StartFailed, UnsupportedField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.adapters.engines.installed import Installation
    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.schema import Profile, StoredServer

_EMBEDDING_FLAG = "--embedding-model"

#: The one value of a chat template that a request can carry (``ChatRequest`` of 0.7.10).
_TEMPLATE_ARGS = frozenset({"enable_thinking"})


class MlxVlm(Engine, frozen=True, kw_only=True):
    """It is told apart by the flag what the model is for."""

    def model_flag_of(self, profile: Profile) -> str:
        """Embeddings have one of their own."""
        return _EMBEDDING_FLAG if profile.model_type == "embeddings" else self.model_flag

    def refusals(
        self, profile: Profile, installation: Installation | None = None
    ) -> Iterator[tuple[str, MLXManagerError]]:
        """Of the values for templates it takes one."""
        yield from super().refusals(profile, installation)
        for name in profile.chat_template_args or {}:
            if name not in _TEMPLATE_ARGS:
                yield (
                    "chat_template_args",
                    UnsupportedField(
                        f"mlx-vlm can't hand {name!r} to a chat template, only enable_thinking.",
                        "Engines that can: mlx-lm, mlx-openai-server. Or leave it out.",
                    ),
                )

    def request_values(self, profile: Profile) -> dict[str, Any]:
        """Thinking is off unless a request turns it on."""
        return super().request_values(profile) | (profile.chat_template_args or {})

    def probe(self, stored: StoredServer) -> Probe:
        """That a model is loaded; a missing one of embeddings does not keep it from starting."""
        if _embeds(stored):
            body = {"model": stored.served_name, "input": "."}
            return Probe(path="/v1/embeddings", body=body)
        return Probe(path="/health", accepts=_is_loaded)

    def running(self, stored: StoredServer) -> Profile:
        """Told by its command line."""
        profile = stored.profile
        return replace(profile, model_type="embeddings") if _embeds(stored) else profile

    def endpoints(self, version: str | None, profile: Profile) -> frozenset[str]:
        """A model either talks or embeds."""
        if profile.model_type == "embeddings":
            return frozenset({"models", "embeddings"})
        return super().endpoints(version, profile)


def _embeds(stored: StoredServer) -> bool:
    return _EMBEDDING_FLAG in stored.argv


def _is_loaded(body: bytes) -> bool:
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        return False
    return bool(said.get("loaded_model"))


MLX_VLM = MlxVlm(
    kind="mlx-vlm",
    executable="mlx_vlm.server",
    distribution="mlx-vlm",
    install_hint="jupyter mlx engines install mlx-vlm",
    flags={
        "context_length": Flag("--max-kv-size"),
        "max_tokens": Flag("--max-tokens"),
        "trust_remote_code": Flag("--trust-remote-code", "switch"),
        "adapter_path": Flag("--adapter-path", "path"),
        "draft_model": Flag("--draft-model"),
        "num_draft_tokens": Flag("--draft-block-size"),
        "kv_bits": Flag("--kv-bits"),
        "kv_group_size": Flag("--kv-group-size"),
        "quantized_kv_start": Flag("--quantized-kv-start"),
        "max_concurrency": Flag("--max-num-seqs"),
        "prefill_step_size": Flag("--prefill-step-size"),
        "log_level": Flag("--log-level"),
    },
    request_fields={
        "temperature": "temperature",
        "top_p": "top_p",
        "top_k": "top_k",
        "min_p": "min_p",
        "repetition_penalty": "repetition_penalty",
        "seed": "seed",
    },
    fields=MODEL | {"chat_template_args"},
    model_types=frozenset({"lm", "multimodal", "embeddings"}),
    offers=frozenset({"models", "chat/completions", "responses", "messages"}),
    carries=frozenset({"logprobs"}),
    ignores=frozenset({"parallel_tool_calls"}),  # no line of 0.7.10 reads it
    # In its environment, since `ps` shows argv to everybody (``app.py`` of 0.7.10).
    key_variable="MLX_VLM_SERVER_API_KEY",
    # Each of them makes it load something else, or read a folder that it is told.
    withheld=frozenset({"adapter_path"}),
    fatal=re.compile(
        r"^ERROR:\s+Application startup failed|\[Errno \d+\] error while attempting to bind"
    ),
    meanings=(
        *meanings_of("mlx_vlm.server", "mlx-vlm", "jupyter mlx engines upgrade mlx-vlm"),
        Meaning(
            pattern=re.compile(r"Failed to load model: (.+)"),
            error=StartFailed,
            message="The model could not be loaded: {0}",
            hint="The log has the whole trace.",
        ),
    ),
)
