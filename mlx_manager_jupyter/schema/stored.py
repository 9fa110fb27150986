"""What outlives a Jupyter server: intent and facts, from which live state is derived."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from mlx_manager_jupyter.schema.base import EngineKind, Name, Port, Record
from mlx_manager_jupyter.schema.downloads import StartDownload
from mlx_manager_jupyter.schema.keys import Key
from mlx_manager_jupyter.schema.profiles import ProbeFinding, Profile
from mlx_manager_jupyter.schema.servers import Problem


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
    revision: str | None = None
    """The commit that is served, whatever branch or tag the profile names."""
    engine_version: str | None = None
    served_name: str = "default_model"
    """What ``model`` must be upstream, whatever the client called it."""
    base_url: str | None = None
    """Where a `remote` one is; None for a process of this machine."""
    needed_bytes: int | None = None
    """Memory that was planned for it."""
    note: str | None = None
    """What the one who starts it should know, such as that memory is tight."""
    overrides: dict[str, Any] = {}
    """Fields that the start itself set: a restart gives them to the newest saved profile."""
    force: bool = False
    """It was started though the memory said no."""
    ready_at: datetime | None = None
    """When this run first answered."""
    last_used_at: datetime | None = None
    """When its latest request began or ended, to some seconds."""
    ttl: float | None = None
    """Seconds without use after which it is ended, as the latest request to say so said."""
    leaving_until: datetime | None = None
    """Until then no extension sends it a request: one of them is about to end it."""
    restarts: int = 0
    """How often it was started again after a failure, without a healthy time since."""
    failures: tuple[datetime, ...] = ()
    """When it failed of late, oldest first."""
    retry_at: datetime | None = None
    """When its owner starts it again; None when nobody will."""
    error: Problem | None = None
    """Why this run failed."""
    api_key: str | None = None
    """What this run's engine wants to be shown, where it can be told to. Nobody else is told."""

    def __repr__(self) -> str:
        """Without the key: tracebacks show the reprs of locals."""
        return f"StoredServer(name={self.name!r}, run={self.run!r}, …)"


class StoredKey(Record):
    """A named key: it outlives the Jupyter server that made it, and opens all of this user's."""

    name: str
    """Its id."""
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}\\Z")]
    """SHA-256 of the secret. That is random, 256 bits long, so no slow hash is needed."""
    key: Key


class StoredDownload(Record):
    """Intent and outcome of one download; how far it is, is read from its job folder."""

    name: str
    """Its id."""
    wanted: StartDownload
    """With the full repo id."""
    intent: Literal["run", "pause", "cancel"] = "run"
    created_at: datetime
    owner: Identity | None = None
    """The Jupyter server that minds the worker; None while it waits for its turn."""
    attempts: int = 0
    """Tries that failed since it last got on."""
    retry_at: datetime | None = None
    outcome: Literal["done", "failed", "cancelled"] | None = None
    error: Problem | None = None
    """Why it failed, or why it is tried again."""
    finished_at: datetime | None = None


class StoredUsage(Record):
    """Memory that one model really took on this machine: what estimates are corrected by."""

    name: str
    """Model and revision."""
    weights_bytes: int
    cache_bytes: int
    """Of keys and values, as estimated for that run."""
    peak_bytes: int
    """The most that its process was seen to hold."""
    seen_at: datetime


class StoredEvidence(Record):
    """What was tried on a running model: capabilities that are proven, not only read."""

    name: str
    """Model, revision and engine."""
    engine_version: str | None
    findings: tuple[ProbeFinding, ...]
    proven: dict[str, Any]
    """Fields of a profile, with the values that work."""
    probed_at: datetime
