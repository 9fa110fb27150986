"""What outlives a Jupyter server: intent and facts, from which live state is derived."""

from __future__ import annotations

from datetime import datetime

from mlx_manager_jupyter.schema.base import EngineKind, Name, Port, Record
from mlx_manager_jupyter.schema.profiles import Profile


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
