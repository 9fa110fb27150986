"""The managers, handed to every handler as one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import Hardware
    from mlx_manager_jupyter.services.doctor import Doctor
    from mlx_manager_jupyter.services.downloads import DownloadManager
    from mlx_manager_jupyter.services.engines import EngineManager
    from mlx_manager_jupyter.services.events import EventHub
    from mlx_manager_jupyter.services.gateway import Gateway
    from mlx_manager_jupyter.services.keys import KeyManager
    from mlx_manager_jupyter.services.metrics import MetricsManager
    from mlx_manager_jupyter.services.models import ModelManager
    from mlx_manager_jupyter.services.profiles import Checker, EvidenceBook, Prober, ProfileManager
    from mlx_manager_jupyter.services.requests import RequestLog
    from mlx_manager_jupyter.services.servers import ServerManager

#: Where the managers lie in tornado's settings, for both listeners.
SETTING = "mlx_manager"


class Managers(Struct, kw_only=True):
    """One of each noun, and the facts that ``GET status`` adds."""

    models: ModelManager
    downloads: DownloadManager
    profiles: ProfileManager
    checker: Checker
    prober: Prober
    evidence: EvidenceBook
    servers: ServerManager
    engines: EngineManager
    gateway: Gateway
    keys: KeyManager
    metrics: MetricsManager
    requests: RequestLog
    events: EventHub
    doctor: Doctor
    hardware: Hardware
    version: str
    gateway_url: str = ""
    """Known once the door is open."""
