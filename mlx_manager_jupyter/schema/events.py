"""The numbered frames of ``GET events``."""

from __future__ import annotations

from mlx_manager_jupyter.schema.base import Record
from mlx_manager_jupyter.schema.metrics import Hardware, Metrics
from mlx_manager_jupyter.schema.profiles import Profile
from mlx_manager_jupyter.schema.servers import Server


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
