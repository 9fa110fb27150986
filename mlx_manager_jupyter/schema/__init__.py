"""The wire contract: every record and event that crosses a process boundary.

Units are in the names (``_bytes``, ``_seconds``); times are UTC and travel as ISO 8601;
``None`` always means *unset*, so that the engine's own default applies. The TypeScript side
(``js/src/core/schema.ts``) is generated from here.
"""

from __future__ import annotations

from mlx_manager_jupyter.schema.base import (
    EngineKind,
    Name,
    NotNegative,
    Port,
    Positive,
    Probability,
    Record,
    ServerState,
)
from mlx_manager_jupyter.schema.events import (
    AnyEvent,
    Event,
    MetricsSampled,
    ProfileChanged,
    ProfileRemoved,
    ServerChanged,
    ServerRemoved,
    Snapshot,
)
from mlx_manager_jupyter.schema.keys import CreateKey, Key, NewKey
from mlx_manager_jupyter.schema.metrics import Hardware, Memory, Metrics, ServerLoad
from mlx_manager_jupyter.schema.profiles import Profile
from mlx_manager_jupyter.schema.servers import Logs, Problem, Progress, Server, StartServer
from mlx_manager_jupyter.schema.status import Connection, Status
from mlx_manager_jupyter.schema.stored import Identity, StoredExtension, StoredServer

__all__ = [
    "AnyEvent",
    "Connection",
    "CreateKey",
    "EngineKind",
    "Event",
    "Hardware",
    "Identity",
    "Key",
    "Logs",
    "Memory",
    "Metrics",
    "MetricsSampled",
    "Name",
    "NewKey",
    "NotNegative",
    "Port",
    "Positive",
    "Probability",
    "Problem",
    "Profile",
    "ProfileChanged",
    "ProfileRemoved",
    "Progress",
    "Record",
    "Server",
    "ServerChanged",
    "ServerLoad",
    "ServerRemoved",
    "ServerState",
    "Snapshot",
    "StartServer",
    "Status",
    "StoredExtension",
    "StoredServer",
]
