"""mlx-lm: Apple's own text engine, the lightest one.

Measured on 0.32.2: its ``/health`` is 200 before the model is loaded and the process lives on
after a failed load or on a taken port, so readiness is an answer and failure is a log line. A
request that names another model makes it load that one, so the name upstream is always
``default_model``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines.base import Engine
from mlx_manager_jupyter.adapters.engines.distributed.checks import LOCKS_RANKS, refused_fields
from mlx_manager_jupyter.adapters.engines.distributed.meanings import diagnose_ranks
from mlx_manager_jupyter.adapters.engines.fields import MODEL
from mlx_manager_jupyter.adapters.engines.flag import Flag
from mlx_manager_jupyter.adapters.engines.meaning import Meaning, meanings_of
from mlx_manager_jupyter.adapters.engines.probe import Probe
from mlx_manager_jupyter.errors import StartFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlx_manager_jupyter.adapters.engines.installed import Installation
    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.schema import Profile, StoredServer

SERVED_NAME = "default_model"

#: An answer of one token. The question has some, for 0.31.3 breaks on prompts below 8.
READY = Probe(
    path="/v1/chat/completions",
    body={
        "model": SERVED_NAME,
        "messages": [{"role": "user", "content": "Are you there?"}],
        "max_tokens": 1,
    },
)

#: The first version of which we know that it can be told whose pages may read its answers. Others
#: are not asked for their help for that: it takes seconds.
_HAS_ORIGINS = (0, 32)

_DIED = r"generation thread died: "

#: EACCES, EADDRINUSE and EADDRNOTAVAIL of Linux and macOS. A client that leaves logs others, such
#: as ENOTCONN, in a server that goes on.
_BIND_ERRNOS = "13|48|49|98|99"


class MlxLm(Engine, frozen=True, kw_only=True):
    """It answers under one name, and ``/health`` before it can. Several ranks can share a model."""

    def refusals(
        self, profile: Profile, installation: Installation | None = None
    ) -> Iterator[tuple[str, MLXManagerError]]:
        """Also what it can't do for several ranks."""
        yield from refused_fields(profile)
        yield from super().refusals(profile, installation)

    def diagnose(
        self,
        kind: str,
        detail: str,
        tail: Sequence[str],
        *,
        exit_code: int | None = None,
        signal: int | None = None,
    ) -> MLXManagerError:
        """Of several ranks, which one was the first to end."""
        return diagnose_ranks(self.meanings, (detail, *tail), tail) or super().diagnose(
            kind, detail, tail, exit_code=exit_code, signal=signal
        )

    def withheld_from(self, profile: Profile) -> frozenset[str]:
        """A seed, too, from several ranks."""
        return self.withheld | (LOCKS_RANKS if profile.distributed else frozenset())

    def own_words(self, installation: Installation, profile: Profile) -> list[str]:  # noqa: ARG002
        """Let no page in the user's browser read its answers: by default it lets all of them."""
        version = re.match(r"(\d+)\.(\d+)", installation.version or "")
        is_known = version is not None and (int(version[1]), int(version[2])) >= _HAS_ORIGINS
        return ["--allowed-origins", "none"] if is_known else []

    def served_name(
        self,
        installation: Installation,  # noqa: ARG002  the same in every version
        profile: Profile,  # noqa: ARG002  and for every model
        model: Path | None,  # noqa: ARG002
    ) -> str:
        """Any other would be loaded instead."""
        return SERVED_NAME

    def probe(self, stored: StoredServer) -> Probe:  # noqa: ARG002  the same for every model
        """An answer."""
        return READY


MLX_LM = MlxLm(
    kind="mlx-lm",
    executable="mlx_lm.server",
    distribution="mlx-lm",
    install_hint="pip install 'mlx-manager-jupyter[mlx-lm]'",
    flags={
        "max_tokens": Flag("--max-tokens"),
        "temperature": Flag("--temp"),
        "top_p": Flag("--top-p"),
        "top_k": Flag("--top-k"),
        "min_p": Flag("--min-p"),
        "chat_template_file": Flag("--chat-template", "file"),
        "chat_template_args": Flag("--chat-template-args", "json"),
        "trust_remote_code": Flag("--trust-remote-code", "switch"),
        "adapter_path": Flag("--adapter-path", "path"),
        "draft_model": Flag("--draft-model"),
        "num_draft_tokens": Flag("--num-draft-tokens"),
        "prompt_cache_size": Flag("--prompt-cache-size"),
        "prompt_cache_bytes": Flag("--prompt-cache-bytes"),
        "kv_bits": Flag("--kv-bits"),
        "kv_group_size": Flag("--kv-group-size"),
        "quantized_kv_start": Flag("--quantized-kv-start"),
        "decode_concurrency": Flag("--decode-concurrency"),
        "prompt_concurrency": Flag("--prompt-concurrency"),
        "prefill_step_size": Flag("--prefill-step-size"),
        "log_level": Flag("--log-level"),
    },
    request_fields={"repetition_penalty": "repetition_penalty", "seed": "seed"},
    fields=MODEL | {"distributed"},
    model_types=frozenset({"lm"}),
    offers=frozenset({"models", "chat/completions", "completions"}),
    # Its 0.32.2 reads none of them.
    ignores=frozenset({"tool_choice", "parallel_tool_calls", "response_format"}),
    withheld=frozenset({"adapters", "draft_model"}),
    fatal=re.compile(rf"{_DIED}|^OSError: \[Errno (?:{_BIND_ERRNOS})\]"),
    meanings=(
        *meanings_of("mlx_lm.server", "mlx-lm", "pip install -U mlx-lm"),
        Meaning(
            pattern=re.compile(rf"{_DIED}(.+)"),
            error=StartFailed,
            message="The model could not be loaded: {0}",
            hint="The log has the whole trace.",
        ),
    ),
)
