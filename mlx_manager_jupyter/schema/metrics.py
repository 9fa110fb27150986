"""The machine, and what each server does on it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from mlx_manager_jupyter.schema.base import Record


class Hardware(Record):
    """The machine, as far as it matters for fitting models."""

    chip: str
    system: str
    cores: int
    memory_bytes: int


Pressure = Literal["normal", "warn", "critical"]


class Memory(Record):
    """System memory at one moment. ``available_bytes`` can be had without swapping."""

    total_bytes: int
    used_bytes: int
    available_bytes: int
    pressure: Pressure = "normal"
    """What macOS says of it: from ``warn`` on it compresses and swaps."""
    gpu_bytes: int | None = None
    """The most that the GPU may hold; None where it has no limit of its own."""


class ServerLoad(Record):
    """What one server does right now, or all of them together."""

    memory_bytes: int | None = None
    cpu_percent: float | None = None
    """100 for each core that is busy."""
    in_flight: int = 0
    queued: int = 0
    """Requests that wait for their turn."""
    tokens_per_second: float = 0.0
    first_token_seconds: float | None = None
    """Of the latest request that produced a token."""
    first_token_p50: float | None = None
    """Half of the latest requests had their first token within these seconds."""
    first_token_p95: float | None = None
    requests: int = 0
    """That have ended since the extension started."""
    errors: int = 0
    """Of those, how many in an error."""
    tokens: int = 0
    """Answered since the extension started."""


class Metrics(Record):
    """One sample, taken once a second."""

    time: datetime
    memory: Memory
    cpu_percent: float | None = None
    """Of the whole machine, 100 when every core is busy."""
    servers: dict[str, ServerLoad] = {}
    total: ServerLoad = ServerLoad()


Points = tuple[float | None, ...]


class MetricsQuery(Record, forbid_unknown_fields=True):
    """Query of ``GET metrics``."""

    since: datetime | None = None
    """By default the last 15 minutes."""
    step: Literal[1, 10] | None = None
    """Seconds between two points; by default the finest that reaches back so far."""


class MetricsHistory(Record):
    """Answer of ``GET metrics``: columns of equal length, oldest first, None for unknown.

    The columns of a server, and of ``total``: ``memory_bytes cpu_percent in_flight queued
    tokens_per_second first_token_p50 first_token_p95``; of ``system``: ``used_bytes
    available_bytes cpu_percent``.
    """

    step_seconds: float
    times: tuple[float, ...]
    """Seconds since 1970."""
    total_bytes: int
    """Memory of the machine, or what servers are limited to."""
    system: dict[str, Points] = {}
    total: dict[str, Points] = {}
    servers: dict[str, dict[str, Points]] = {}
