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
    """What one server does right now."""

    memory_bytes: int | None = None
    in_flight: int = 0
    tokens_per_second: float = 0.0
    first_token_seconds: float | None = None
    """Of the latest request that produced a token."""


class Metrics(Record):
    """One sample, taken once a second while somebody looks."""

    time: datetime
    memory: Memory
    servers: dict[str, ServerLoad] = {}
