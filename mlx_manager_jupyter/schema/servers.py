"""Inference processes, how their starts go, and what went wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from mlx_manager_jupyter.schema.base import (
    EngineChoice,
    EngineKind,
    Name,
    Port,
    Positive,
    Record,
    ServerState,
)


class Problem(Record):
    """What went wrong, in words a person can act on. Also the body of every REST error."""

    code: str
    message: str
    hint: str | None = None
    log_tail: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    """What an ambiguous name could have meant, best first."""


Health = Literal["ok", "busy", "silent"]
"""``busy``: it works on a request and answers nothing else; ``silent``: it should, and does not."""


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
    note: str | None = None
    """What the one who started it should know, such as that memory is tight."""
    error: Problem | None = None
    engine_version: str | None = None
    base_url: str | None = None
    """Where a `remote` one is; None for a process of this machine."""
    pinned: bool = False
    restart_to_apply: bool = False
    """Its profile was edited since it started."""
    restarts: int = 0
    """How often it was started again after a failure, without a healthy time since."""
    retry_at: datetime | None = None
    """When a failed one is started again; None when nobody will."""
    last_used_at: datetime | None = None
    """When its latest request began or ended; None before the first."""
    idle_unload_seconds: float | None = None
    health: Health | None = None
    """What the latest probe of a ready one said; None before the first."""


class StartServer(Record, forbid_unknown_fields=True):
    """Body of ``POST servers``: exactly one of ``model`` and ``profile``.

    ``model`` may also be the name of a profile, which then wins: people type one word.
    ``set`` overrides profile fields for this server alone.
    """

    model: str | None = None
    profile: str | None = None
    name: Name | None = None
    engine: EngineChoice | None = None
    port: Port | None = None
    context_length: Positive | None = None
    ttl: Annotated[float, Meta(gt=0.0)] | None = None
    """Seconds without a request after which it is ended: `idle_unload_seconds` of the profile."""
    keep: bool | None = None
    force: bool = False
    """Start it though the memory says no."""
    set: dict[str, Any] = {}


class Logs(Record):
    """Answer of ``GET servers/{name}/logs``: the last lines, oldest first."""

    name: str
    path: str
    lines: tuple[str, ...] = ()


class LogLines(Record):
    """What a viewer who follows a log is sent: lines as they come, oldest first."""

    name: str
    run: str
    """Which run of the server wrote them."""
    begins: bool = False
    """The first of this run: what came before is of the run before, or of nobody."""
    lines: tuple[str, ...] = ()


class LogRun(Record):
    """Event ``run`` of a followed log: from here on it is the log of this run."""

    name: str
    run: str


class LogLine(Record):
    """Event ``line`` of a followed log."""

    run: str
    number: int
    """Counts the lines of this run that this viewer was sent, from 1."""
    text: str


class LogEnd(Record):
    """Event ``end`` of a followed log: the server has ended, and nothing starts it again."""

    name: str
    state: ServerState
    error: Problem | None = None
    """Why, if it failed."""
