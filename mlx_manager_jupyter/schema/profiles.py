"""A saved way to run a model, and what is said about one before it is saved."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from mlx_manager_jupyter.schema.base import (
    EngineChoice,
    EngineKind,
    Name,
    NotNegative,
    Port,
    Positive,
    Probability,
    Record,
)
from mlx_manager_jupyter.schema.servers import Problem

ModelType = Literal[
    "auto", "lm", "multimodal", "embeddings", "whisper", "image-generation", "image-edit"
]
Seconds = Annotated[float, Meta(gt=0.0)]


class Distributed(Record, forbid_unknown_fields=True):
    """Over which machines MLX's own launcher spreads the model: exactly one of the three."""

    hosts: tuple[str, ...] = ()
    """Names or addresses of the machines, this one first; reached by ssh."""
    hostfile: str | None = None
    """A JSON file of hosts, as ``mlx.launch --hostfile`` takes it."""
    ranks: Annotated[int, Meta(ge=2)] | None = None
    """So many processes on this machine, to try a split."""
    backend: Literal["ring", "mpi", "nccl", "jaccl", "jaccl-ring"] = "ring"
    """How the processes talk to each other."""


class Profile(Record, forbid_unknown_fields=True, repr_omit_defaults=True):
    """A named, saved way to run a model. Unset fields leave the engine's own default alone."""

    name: Name
    """What you type to run it."""
    model: str = ""
    """A repo id of the Hugging Face cache, or a local folder; for `remote` the name to ask for."""
    description: str = ""
    """A note to yourself."""
    revision: str | None = None
    """Branch, tag or commit; the newest that is here by default."""
    engine: EngineChoice = "auto"
    """The program that runs it; `auto` chooses by what the model is and what is set here."""
    model_type: ModelType = "auto"
    """What kind of model the engine is told to expect."""
    aliases: tuple[Name, ...] = ()
    """More names under which the gateway finds it."""
    host: str = "127.0.0.1"
    """Where the engine listens. Others than this machine need `host_confirmed`: no key is asked."""
    host_confirmed: bool = False
    """You know that everybody who reaches `host` can use the model without a key."""
    port: Port | None = None
    """The engine's port; by default the first free one."""
    system_prompt: str | None = None
    """Put before every conversation that has none of its own."""
    context_length: Positive | None = None
    """Tokens that a conversation may have; also what the memory is planned for."""
    max_tokens: Positive | None = None
    """Where an answer is cut when the request does not say."""
    temperature: Annotated[float, Meta(ge=0.0, le=2.0)] | None = None
    """0 for the most likely answer; higher is more varied."""
    top_p: Probability | None = None
    """Choose among the likeliest tokens that make up this probability together."""
    top_k: NotNegative | None = None
    """Choose among so many of the likeliest tokens; 0 for all."""
    min_p: Probability | None = None
    """Leave out tokens less likely than this share of the likeliest one."""
    repetition_penalty: Annotated[float, Meta(gt=0.0, le=2.0)] | None = None
    """Above 1 to repeat less."""
    seed: NotNegative | None = None
    """For the same answer to the same question, as far as the engine can."""
    tool_call_parser: str | None = None
    """Which notation of tool calls the engine reads; suggested from the model."""
    reasoning_parser: str | None = None
    """Which notation of thinking the engine reads; suggested from the model."""
    message_converter: str | None = None
    """Which rewriting of messages the engine does before the template."""
    enable_auto_tool_choice: bool = False
    """Let the model decide when to call a tool."""
    chat_template_file: str | None = None
    """A template used instead of the model's own."""
    chat_template_args: dict[str, Any] | None = None
    """Values for the template, such as `{"enable_thinking": false}`."""
    trust_remote_code: bool = False
    """Run code that comes with the model."""
    adapter_path: str | None = None
    """A folder with trained adapters (LoRA)."""
    draft_model: str | None = None
    """A small model that guesses ahead: an id of this machine or a folder."""
    num_draft_tokens: Positive | None = None
    """How many tokens the draft model guesses at a time."""
    prompt_cache_size: Positive | None = None
    """How many prompts are kept prepared."""
    prompt_cache_bytes: Positive | None = None
    """How much memory prepared prompts may take."""
    kv_bits: Literal[2, 3, 4, 6, 8] | None = None
    """Bits of the keys and values of a conversation; fewer take less memory."""
    kv_group_size: Literal[32, 64, 128] | None = None
    """How many of them share a scale."""
    quantized_kv_start: NotNegative | None = None
    """From which token on they are quantized."""
    decode_concurrency: Positive | None = None
    """How many answers are written at once."""
    prompt_concurrency: Positive | None = None
    """How many prompts are read at once."""
    prefill_step_size: Positive | None = None
    """Tokens of a prompt that are read in one step."""
    max_concurrency: Positive | None = None
    """How many requests are worked on at once."""
    queue_size: Positive | None = None
    """How many requests may wait."""
    queue_timeout: Seconds | None = None
    """How long a request may wait."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] | None = None
    """How much the engine writes into its log."""
    auto_start: bool = False
    """Start it with Jupyter."""
    on_demand: bool = True
    """Start it when a request asks for it."""
    idle_unload_seconds: Seconds | None = None
    """End it, and give its memory back, after so long without a request."""
    pinned: bool = False
    """Never end it to make room for another model."""
    restart: Literal["on-failure", "never"] = "on-failure"
    """Whether it is started again after it crashed."""
    env: dict[str, str] = {}
    """More environment variables for the engine."""
    extra_args: tuple[str, ...] = ()
    """More words for the engine's command line, as they are."""
    distributed: Distributed | None = None
    """Run it across machines or processes, under MLX's own launcher."""
    command: tuple[str, ...] = ()
    """For `command`: the program and its words, with `{model}`, `{host}` and `{port}`."""
    ready_path: Annotated[str, Meta(pattern=r"^/")] = "/v1/models"
    """For `command`: the path that answers 200 once it is ready."""
    base_url: Annotated[str, Meta(pattern=r"^https?://[^\s/]+")] | None = None
    """For `remote`: the URL below which `/models` and `/chat/completions` are, often `…/v1`."""
    api_key_env: Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\Z")] | None = None
    """For `remote`: the environment variable with the key. The key itself is never stored."""


class Suggestion(Record):
    """A value for a field of a profile, and why."""

    field: str
    value: Any
    reason: str
    proven: bool = False
    """Tried on the running model, not only read from its files."""


class FieldProblem(Record):
    """What is wrong with one field of a profile that is being written."""

    field: str
    problem: Problem


class ProfileCheck(Record):
    """Answer of ``POST profiles/check``: what saving and starting these values would say."""

    problems: tuple[FieldProblem, ...] = ()
    engine: EngineChoice = "auto"
    """The engine that would run it."""
    honoured: tuple[str, ...] = ()
    """The fields that this engine, as it is installed, can honour."""
    suggestions: tuple[Suggestion, ...] = ()
    notes: tuple[str, ...] = ()
    """What else one should know, such as that the engine finds a parser by itself."""
    affects: tuple[str, ...] = ()
    """Servers that run from this profile."""


class StartingPoint(Record):
    """A ready-made beginning for a family of models."""

    family: str
    title: str
    reason: str
    values: dict[str, Any]


class CopyProfile(Record, forbid_unknown_fields=True):
    """Body of ``POST profiles/{name}/copy``."""

    name: Name


class DeletedProfile(Record):
    """Answer of ``DELETE profiles/{name}``."""

    name: str
    servers: tuple[str, ...] = ()
    """That run from it, and go on."""


class ProfileDocument(Record):
    """Answer of ``GET profiles/export``, and what ``POST profiles/import`` takes."""

    version: int
    profiles: tuple[dict[str, Any], ...]
    """Only what is set of each."""
    withheld: tuple[str, ...] = ()
    """Secrets that were left out, by where they stood."""


class ImportQuery(Record, forbid_unknown_fields=True):
    """Query of ``POST profiles/import``."""

    on_conflict: Literal["refuse", "skip", "replace", "rename"] = "refuse"
    """What becomes of a profile whose name is taken; by default nothing at all is imported."""


class ImportedProfile(Record):
    """Answer of ``POST profiles/import``, one for each profile of the document."""

    name: str
    did: Literal["created", "replaced", "renamed", "skipped"]
    was: str | None = None
    """Its name in the document, if that was taken."""


class ProbeFinding(Record):
    """What one question to the running model has shown."""

    what: Literal["tools", "reasoning", "schema"]
    works: bool
    detail: str


class ProfileProbe(Record):
    """Answer of ``POST profiles/{name}/probe``."""

    profile: str
    model: str
    revision: str | None
    engine: EngineKind
    engine_version: str | None
    findings: tuple[ProbeFinding, ...]
    proven: dict[str, Any]
    """Fields of the profile that work as they are."""
    probed_at: datetime
