"""mlx-lm: Apple's own text engine, the lightest one.

Measured on 0.32.2: its ``/health`` is 200 before the model is loaded and the process lives on
after a failed load or on a taken port, so readiness is an answer and failure is a log line. A
request that names another model makes it load that one, so the name upstream is always
``default_model``.
"""

from __future__ import annotations

import re

from mlx_manager_jupyter.adapters.engines.base import Engine, Flag, Meaning, Probe
from mlx_manager_jupyter.errors import (
    CorruptWeights,
    EngineCrashed,
    InvalidValue,
    ModelUnusable,
    NoWeights,
    OutOfMemory,
    PortTaken,
    StartFailed,
    UnsupportedModel,
)

_DIED = r"generation thread died: "

#: EACCES, EADDRINUSE and EADDRNOTAVAIL of Linux and macOS. A client that leaves logs others, such
#: as ENOTCONN, in a server that goes on.
_BIND_ERRNOS = "13|48|49|98|99"

MLX_LM = Engine(
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
        "adapter_path": Flag("--adapter-path"),
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
    request_fields=frozenset({"system_prompt", "repetition_penalty", "seed"}),
    served_name="default_model",
    withheld=frozenset({"adapters", "draft_model"}),
    probe=Probe(
        path="/v1/chat/completions",
        body={
            "model": "default_model",
            "messages": [{"role": "user", "content": "."}],
            "max_tokens": 1,
        },
    ),
    fatal=re.compile(rf"{_DIED}|^OSError: \[Errno (?:{_BIND_ERRNOS})\]"),
    meanings=(
        Meaning(
            pattern=re.compile(r"OSError: \[Errno (?:98|48)\]|Address already in use"),
            error=PortTaken,
            message="Another program took the port before the engine could listen on it.",
            hint="Start again: another port is chosen unless the profile fixes one.",
        ),
        Meaning(
            pattern=re.compile(r"OSError: \[Errno (?:99|49)\]"),
            error=InvalidValue,
            message="This machine does not have the address that 'host' names.",
            hint="Leave 'host' unset to use 127.0.0.1.",
        ),
        Meaning(
            pattern=re.compile(r"Model type (\S+) not supported"),
            error=UnsupportedModel,
            message="The installed mlx-lm does not know models of type {0!r}.",
            hint="Upgrade it (pip install -U mlx-lm), or choose another model.",
        ),
        Meaning(
            pattern=re.compile(r"\[load_safetensors\] (.+)"),
            error=CorruptWeights,
            message="A weight file is damaged: {0}.",
            hint="Download the model again.",
        ),
        Meaning(
            pattern=re.compile(r"No safetensors found|FileNotFoundError: .*safetensors"),
            error=NoWeights,
            message="The model's folder holds no weights.",
            hint="Download the model again.",
        ),
        Meaning(
            pattern=re.compile(r"Couldn't instantiate the backend tokenizer"),
            error=ModelUnusable,
            message="The model's folder holds no tokenizer that can be read.",
            hint="Download the model again; a tokenizer.json is missing.",
        ),
        Meaning(
            pattern=re.compile(
                r"Insufficient Memory|kIOGPUCommandBufferCallbackErrorOutOfMemory|"
                r"\[metal::malloc\]|std::bad_alloc|MemoryError"
            ),
            error=OutOfMemory,
            message="The engine ran out of memory.",
            hint="Stop another server, or choose a smaller build of the model.",
        ),
        Meaning(
            pattern=re.compile(r"unrecognized arguments: (.+)"),
            error=InvalidValue,
            message="mlx_lm.server does not know these arguments: {0}",
            hint="See 'extra_args' of the profile, and mlx_lm.server --help.",
        ),
        Meaning(
            pattern=re.compile(r"error: (argument .+)"),
            error=InvalidValue,
            message="mlx_lm.server refused an {0}",
            hint="See mlx_lm.server --help.",
        ),
        Meaning(
            pattern=re.compile(rf"{_DIED}(.+)"),
            error=StartFailed,
            message="The model could not be loaded: {0}",
            hint="The log has the whole trace.",
        ),
        Meaning(
            pattern=re.compile(r"ModuleNotFoundError: (.+)"),
            error=EngineCrashed,
            message="mlx_lm.server is broken: {0}",
            hint="Install it again: pip install --force-reinstall mlx-lm",
        ),
    ),
)
