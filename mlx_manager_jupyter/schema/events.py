"""The numbered frames of ``GET events``."""

from __future__ import annotations

from mlx_manager_jupyter.schema.base import Record
from mlx_manager_jupyter.schema.downloads import Download
from mlx_manager_jupyter.schema.engines import EngineJob, InstalledEngine
from mlx_manager_jupyter.schema.metrics import Hardware, Metrics
from mlx_manager_jupyter.schema.models import Catalogue, Library
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
    downloads: tuple[Download, ...] = ()
    engines: tuple[InstalledEngine, ...] = ()
    """Empty until somebody has looked: looking starts each engine once."""
    engine_jobs: tuple[EngineJob, ...] = ()
    library: Library = Library()
    catalogue: Catalogue = Catalogue()
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


class EnginesChanged(Event, tag="engines.changed"):
    """The engines of this machine were looked at, or are others than before."""

    engines: tuple[InstalledEngine, ...]


class EngineJobChanged(Event, tag="engines.job"):
    """An installation goes on, or has ended."""

    job: EngineJob


class DownloadChanged(Event, tag="downloads.changed"):
    """A download was asked for, or its state changed."""

    download: Download


class DownloadRemoved(Event, tag="downloads.removed"):
    """A finished download was dismissed."""

    download_id: str


class LibraryChanged(Event, tag="models.changed"):
    """The models of this machine are others than before."""

    library: Library


class CatalogueChanged(Event, tag="catalogue.changed"):
    """The catalogue is syncing, was synced, or could not be."""

    catalogue: Catalogue


class Sample(Event):
    """An event that may be coalesced: only the latest of its ``key`` counts.

    It carries the number of the last state change instead of one of its own.
    """

    @property
    def key(self) -> str:
        """What it is a sample of: by itself the only thing of its kind."""
        return type(self).__name__


class MetricsSampled(Sample, tag="metrics.sampled"):
    """One sample a second."""

    metrics: Metrics


class DownloadProgressed(Sample, tag="downloads.progressed"):
    """How far a running download is, four times a second at most."""

    download: Download

    @property
    def key(self) -> str:
        """One a download."""
        return self.download.id


AnyEvent = (
    Snapshot
    | ServerChanged
    | ServerRemoved
    | ProfileChanged
    | ProfileRemoved
    | EnginesChanged
    | EngineJobChanged
    | DownloadChanged
    | DownloadRemoved
    | DownloadProgressed
    | LibraryChanged
    | CatalogueChanged
    | MetricsSampled
)
