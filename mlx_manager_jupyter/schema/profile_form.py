"""How the fields of a profile are shown in a form: sections, labels, units, order. Data only.

Help texts and ranges are those of `Profile` itself; ``js/generate_schema.py`` joins the two into
the table that the browser's form is built from.
"""

from __future__ import annotations

from typing import Literal

from mlx_manager_jupyter.schema.base import Record

Unit = Literal["tokens", "seconds", "bytes", "bits", "requests", "answers", "prompts", "processes"]


class FormField(Record):
    """One field as people read it."""

    name: str
    """Of `Profile`, or ``distributed.…`` of `Distributed`."""
    label: str
    unset: str = "engine's default"
    """What happens while it has no value, in a few words."""
    unit: Unit | None = None
    example: str | None = None
    """Something to type, where the help does not say it."""
    long: bool = False
    """It may have many lines."""


class FormSection(Record):
    """Fields that one thinks of together."""

    key: str
    title: str
    fields: tuple[FormField, ...]


def _field(name: str, label: str, unset: str = "engine's default") -> FormField:
    return FormField(name=name, label=label, unset=unset)


def _count(name: str, label: str, unit: Unit, unset: str = "engine's default") -> FormField:
    return FormField(name=name, label=label, unit=unit, unset=unset)


FORM: tuple[FormSection, ...] = (
    FormSection(
        key="model",
        title="Model",
        fields=(
            FormField(name="name", label="Name", unset="required", example="coder"),
            FormField(
                name="model",
                label="Model",
                unset="required",
                example="mlx-community/Qwen3-8B-4bit",
            ),
            _field("engine", "Engine", "auto"),
            _field("description", "Description", "none"),
            FormField(name="aliases", label="Aliases", unset="none", example="gpt-4o, local"),
            _field("revision", "Revision", "the newest here"),
            _field("model_type", "Kind of model", "auto"),
            FormField(name="adapter_path", label="Adapter folder", unset="none"),
            _field("trust_remote_code", "Trust the model's code", "off"),
        ),
    ),
    FormSection(
        key="sampling",
        title="Sampling",
        fields=(
            FormField(name="system_prompt", label="System prompt", unset="none", long=True),
            _field("temperature", "Temperature"),
            _count("max_tokens", "Longest answer", "tokens"),
            _field("top_p", "Top p"),
            _field("top_k", "Top k"),
            _field("min_p", "Min p"),
            _field("repetition_penalty", "Repetition penalty"),
            _field("seed", "Seed", "another each time"),
        ),
    ),
    FormSection(
        key="memory",
        title="Context and memory",
        fields=(
            _count("context_length", "Context length", "tokens", "the model's own"),
            _count("kv_bits", "Cache quantization", "bits", "not quantized"),
            _field("kv_group_size", "Cache group size"),
            _count("quantized_kv_start", "Quantize the cache from", "tokens"),
            _count("prompt_cache_size", "Prompts kept prepared", "prompts"),
            FormField(
                name="prompt_cache_bytes",
                label="Memory for prepared prompts",
                unit="bytes",
                example="4 GB",
            ),
            _count("prefill_step_size", "Prompt step", "tokens"),
            _field("draft_model", "Draft model", "none"),
            _count("num_draft_tokens", "Draft tokens", "tokens"),
        ),
    ),
    FormSection(
        key="parsers",
        title="Parsers and templates",
        fields=(
            _field("tool_call_parser", "Tool call parser", "none"),
            _field("reasoning_parser", "Reasoning parser", "none"),
            _field("message_converter", "Message converter", "none"),
            _field("enable_auto_tool_choice", "Tools on the model's own choice", "off"),
            _field("chat_template_file", "Chat template file", "the model's own"),
            FormField(
                name="chat_template_args",
                label="Template values",
                unset="none",
                example='{"enable_thinking": false}',
                long=True,
            ),
        ),
    ),
    FormSection(
        key="concurrency",
        title="Concurrency",
        fields=(
            _count("decode_concurrency", "Answers at once", "answers"),
            _count("prompt_concurrency", "Prompts at once", "prompts"),
            _count("max_concurrency", "Requests at once", "requests"),
            _count("queue_size", "Queue", "requests"),
            FormField(
                name="queue_timeout",
                label="Longest wait in the queue",
                unit="seconds",
                example="30 s",
            ),
        ),
    ),
    FormSection(
        key="lifecycle",
        title="Lifecycle",
        fields=(
            _field("auto_start", "Start with Jupyter", "off"),
            _field("on_demand", "Start on request", "on"),
            FormField(
                name="idle_unload_seconds",
                label="Unload when idle for",
                unset="never",
                unit="seconds",
                example="20 m",
            ),
            _field("pinned", "Pinned", "off"),
            _field("restart", "After a crash", "on-failure"),
        ),
    ),
    FormSection(
        key="network",
        title="Network",
        fields=(
            _field("port", "Port", "the first free one"),
            _field("host", "Host", "127.0.0.1"),
            _field("host_confirmed", "Open it without a key", "no"),
        ),
    ),
    FormSection(
        key="engine",
        title="Engine and environment",
        fields=(
            _field("log_level", "Log level"),
            FormField(
                name="extra_args",
                label="More arguments",
                unset="none",
                example="--flag 'a value'",
            ),
            FormField(
                name="env", label="Environment", unset="none", example="NAME=value", long=True
            ),
        ),
    ),
    FormSection(
        key="distributed",
        title="Distributed",
        fields=(
            _count("distributed.ranks", "Processes on this machine", "processes", "one"),
            FormField(
                name="distributed.hosts",
                label="Machines",
                unset="this one",
                example="studio.local, mini.local",
            ),
            FormField(name="distributed.hostfile", label="Hostfile", unset="none"),
            _field("distributed.backend", "Backend", "ring"),
        ),
    ),
    FormSection(
        key="elsewhere",
        title="Remote or command",
        fields=(
            FormField(
                name="base_url",
                label="Base URL",
                unset="none",
                example="http://studio.local:8888/mlx-manager/v1",
            ),
            FormField(
                name="api_key_env", label="Key variable", unset="no key", example="STUDIO_KEY"
            ),
            FormField(
                name="command",
                label="Command",
                unset="none",
                example="llama-server -m {model} --host {host} --port {port}",
            ),
            _field("ready_path", "Ready path", "/v1/models"),
        ),
    ),
)
