"""A saved way to run a model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from mlx_manager_jupyter.schema.base import Name, NotNegative, Port, Positive, Probability, Record


class Profile(Record, forbid_unknown_fields=True):
    """A named, saved way to run a model. Unset fields leave the engine's own default alone."""

    name: Name
    model: Annotated[str, Meta(min_length=1)]
    """A repo id of the Hugging Face cache, or a local folder."""
    description: str = ""
    revision: str | None = None
    engine: Literal["auto", "mlx-lm"] = "auto"
    host: str = "127.0.0.1"
    port: Port | None = None
    aliases: tuple[Name, ...] = ()
    system_prompt: str | None = None
    max_tokens: Positive | None = None
    temperature: Annotated[float, Meta(ge=0.0, le=2.0)] | None = None
    top_p: Probability | None = None
    top_k: NotNegative | None = None
    min_p: Probability | None = None
    repetition_penalty: Annotated[float, Meta(gt=0.0, le=2.0)] | None = None
    seed: NotNegative | None = None
    chat_template_file: str | None = None
    chat_template_args: dict[str, Any] | None = None
    trust_remote_code: bool = False
    adapter_path: str | None = None
    draft_model: str | None = None
    num_draft_tokens: Positive | None = None
    prompt_cache_size: Positive | None = None
    prompt_cache_bytes: Positive | None = None
    kv_bits: Literal[2, 3, 4, 6, 8] | None = None
    kv_group_size: Literal[32, 64, 128] | None = None
    quantized_kv_start: NotNegative | None = None
    decode_concurrency: Positive | None = None
    prompt_concurrency: Positive | None = None
    prefill_step_size: Positive | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] | None = None
    env: dict[str, str] = {}
    extra_args: tuple[str, ...] = ()
