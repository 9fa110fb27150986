"""Inference processes, how their starts go, and what went wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from mlx_manager_jupyter.schema.base import EngineKind, Name, Port, Record, ServerState


class Problem(Record):
    """What went wrong, in words a person can act on. Also the body of every REST error."""

    code: str
    message: str
    hint: str | None = None
    log_tail: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    """What an ambiguous name could have meant, best first."""


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


class Logs(Record):
    """Answer of ``GET servers/{name}/logs``: the last lines, oldest first."""

    name: str
    path: str
    lines: tuple[str, ...] = ()
