"""Engines: the programs that run models, as they are installed on this machine."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from mlx_manager_jupyter.schema.base import EngineKind, Record
from mlx_manager_jupyter.schema.servers import Problem

EngineSource = Literal["configured", "managed", "environment", "path", "uv-tool", "built-in"]


class InstalledEngine(Record):
    """One engine that was found. Of several of a kind the `selected` one runs models."""

    kind: EngineKind
    version: str | None
    path: str | None
    """The executable; None for what needs none."""
    source: EngineSource
    """``managed``: in an environment that MLX Manager made; ``built-in``: needs no program."""
    selected: bool = False
    fields: tuple[str, ...] = ()
    """Fields of a profile that it honours."""
    endpoints: tuple[str, ...] = ()
    """What it answers, as ``chat/completions``."""
    previous_version: str | None = None
    """What a rollback brings back; None when there is nothing."""
    problem: Problem | None = None
    """Why it can't be used."""


class InstallEngine(Record, forbid_unknown_fields=True):
    """Body of ``POST engines``."""

    kind: EngineKind
    action: Literal["install", "upgrade", "rollback", "remove"] = "install"
    version: str | None = None
    """The newest that its Python allows by default."""


class EngineJob(Record):
    """One installation, upgrade, rollback or removal."""

    id: str
    kind: EngineKind
    action: Literal["install", "upgrade", "rollback", "remove"]
    state: Literal["running", "done", "failed", "cancelled"]
    stage: str = ""
    """What it is doing, in words."""
    version: str | None = None
    started_at: datetime
    finished_at: datetime | None = None
    log_tail: tuple[str, ...] = ()
    error: Problem | None = None
