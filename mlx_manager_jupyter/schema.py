"""The wire contract: every record and event that crosses a process boundary.

Units are in the names (``_bytes``, ``_seconds``); times are UTC and travel as ISO 8601;
``None`` always means *unset*, so that the engine's own default applies. The TypeScript side
(``js/src/core/schema.ts``) is generated from this file.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  msgspec resolves annotations at run time
from typing import Annotated, Any, Literal, dataclass_transform

from msgspec import Meta, Struct, StructMeta

ServerState = Literal["stopped", "starting", "loading", "ready", "stopping", "failed"]
EngineKind = Literal["mlx-lm"]

#: What a user types after ``%mlx_serve``: it is also a file name and a URL segment.
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Probability = Annotated[float, Meta(ge=0.0, le=1.0)]


class _KeywordOnly(StructMeta):
    """Passes ``kw_only`` on to subclasses, which msgspec by itself does not."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> _KeywordOnly:
        return super().__new__(cls, name, bases, namespace, **{"kw_only": True, **options})


@dataclass_transform(frozen_default=True, kw_only_default=True)  # what subclasses inherit
class Record(Struct, frozen=True, kw_only=True, metaclass=_KeywordOnly):
    """Base of everything on the wire: immutable, named fields only."""


# --- profiles ---------------------------------------------------------------------------------


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


# --- servers ----------------------------------------------------------------------------------


class Problem(Record):
    """What went wrong, in words a person can act on. Also the body of every REST error."""

    code: str
    message: str
    hint: str | None = None
    log_tail: tuple[str, ...] = ()


class Progress(Record):
    """How far a start has come. ``total_bytes`` is the size of the weights on disk."""

    stage: str
    done_bytes: int | None = None
    total_bytes: int | None = None


class Server(Record):
    """One inference process, or what is left to say about it after it failed."""

    name: Name
    model: str
    engine: EngineKind
    state: ServerState
    pid: int | None = None
    port: Port | None = None
    profile: str | None = None
    revision: str | None = None
    aliases: tuple[str, ...] = ()
    size_bytes: int | None = None
    keep: bool = False
    started_at: datetime | None = None
    ready_seconds: float | None = None
    """Seconds from spawn to the first answer."""
    progress: Progress | None = None
    error: Problem | None = None


class StartServer(Record, forbid_unknown_fields=True):
    """Body of ``POST servers``: exactly one of ``model`` and ``profile``.

    ``model`` may also be the name of a profile, which then wins: people type one word.
    ``set`` overrides profile fields for this server alone.
    """

    model: str | None = None
    profile: str | None = None
    name: Name | None = None
    engine: Literal["auto", "mlx-lm"] | None = None
    port: Port | None = None
    keep: bool | None = None
    set: dict[str, Any] = {}


# --- metrics ----------------------------------------------------------------------------------


class Hardware(Record):
    """The machine, as far as it matters for fitting models."""

    chip: str
    system: str
    cores: int
    memory_bytes: int


class Memory(Record):
    """System memory at one moment. ``available_bytes`` can be had without swapping."""

    total_bytes: int
    used_bytes: int
    available_bytes: int


class ServerLoad(Record):
    """What one server does right now."""

    memory_bytes: int | None = None
    in_flight: int = 0
    tokens_per_second: float = 0.0
    first_token_seconds: float | None = None
    """Of the latest request that produced a token."""


class Metrics(Record):
    """One sample, taken once a second while somebody looks."""

    time: datetime
    memory: Memory
    servers: dict[str, ServerLoad] = {}


# --- gateway and keys -------------------------------------------------------------------------


class Key(Record):
    """A gateway key without its secret."""

    id: str
    label: str
    created_at: datetime
    pid: int | None = None
    """The kernel that it was made for; it dies with that process."""


class NewKey(Record):
    """Answer of ``POST keys``: the only time that the secret travels."""

    key: Key
    secret: str

    def __repr__(self) -> str:
        """Without the secret: tracebacks show the reprs of locals."""
        return f"NewKey(key={self.key!r}, secret=…)"


class CreateKey(Record, forbid_unknown_fields=True):
    """Body of ``POST keys``."""

    label: str = "kernel"
    pid: int | None = None


class Status(Record):
    """Answer of ``GET status``."""

    version: str
    pid: int
    hardware: Hardware
    memory: Memory
    gateway_url: str
    servers: tuple[Server, ...] = ()


class Logs(Record):
    """Answer of ``GET servers/{name}/logs``: the last lines, oldest first."""

    name: str
    path: str
    lines: tuple[str, ...] = ()


class Connection(Record):
    """The 0600 file by which kernels and the CLI find the extension's loopback door."""

    version: int
    pid: int
    url: str
    """Root of the door, ending in ``/``; below it ``mlx-manager/api/`` and ``v1/``."""
    token: str

    def __repr__(self) -> str:
        """Without the token: tracebacks show the reprs of locals."""
        return f"Connection(version={self.version}, pid={self.pid}, url={self.url!r}, token=…)"


# --- events -----------------------------------------------------------------------------------


class Event(Record, tag_field="type"):
    """Base of the numbered frames of ``GET events``.

    ``id`` is ``<epoch>-<sequence>``; the hub that sends the frame fills it in.
    """

    id: str = ""


class Snapshot(Event, tag="snapshot"):
    """Everything a viewer needs to draw; always the first frame."""

    hardware: Hardware
    gateway_url: str
    servers: tuple[Server, ...]
    profiles: tuple[Profile, ...]
    metrics: Metrics | None = None
    history: dict[str, tuple[float, ...]] = {}
    """Tokens per second by server, one point a second, oldest first, at most 60."""


class ServerChanged(Event, tag="servers.changed"):
    """A server came up or changed."""

    server: Server


class ServerRemoved(Event, tag="servers.removed"):
    """A server is gone, as a process too."""

    name: str


class ProfileChanged(Event, tag="profiles.changed"):
    """A profile was created or edited."""

    profile: Profile


class ProfileRemoved(Event, tag="profiles.removed"):
    """A profile was deleted."""

    name: str


class MetricsSampled(Event, tag="metrics.sampled"):
    """One sample a second; the only event that may be coalesced."""

    metrics: Metrics


AnyEvent = (
    Snapshot | ServerChanged | ServerRemoved | ProfileChanged | ProfileRemoved | MetricsSampled
)


# --- stored facts -----------------------------------------------------------------------------


class Identity(Record):
    """Which process this is: a pid alone is reused, these three together are not."""

    pid: int
    create_time: float
    argv: tuple[str, ...]


class StoredExtension(Record):
    """A Jupyter server with the extension: the last one to leave ends the servers."""

    name: str
    """Its pid as text."""
    identity: Identity


class StoredServer(Record):
    """Intent and facts about one server, kept across restarts; live state is derived from it."""

    name: Name
    run: str
    """Random id of this run; also in the process's environment, so that it can be found."""
    profile: Profile
    """The effective settings, overrides included."""
    profile_name: str | None
    engine: EngineKind
    argv: tuple[str, ...]
    host: str
    port: Port
    log: str
    keep: bool
    wanted: bool
    """False from the moment that a stop was asked, so that every viewer knows it was no crash."""
    owner: Identity
    """The Jupyter server that runs it."""
    process: Identity | None = None
    started_at: datetime | None = None
    size_bytes: int | None = None
