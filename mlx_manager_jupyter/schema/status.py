"""The extension itself: is it there, and where is its door."""

from __future__ import annotations

from mlx_manager_jupyter.schema.base import Record
from mlx_manager_jupyter.schema.metrics import Hardware, Memory, ServerLoad
from mlx_manager_jupyter.schema.servers import Server


class Status(Record):
    """Answer of ``GET status``."""

    version: str
    pid: int
    hardware: Hardware
    memory: Memory
    gateway_url: str
    servers: tuple[Server, ...] = ()
    loads: dict[str, ServerLoad] = {}
    """What each server does right now, by its name; empty unless asked with ``loads=true``."""


class Connection(Record):
    """The 0600 file by which kernels and the CLI find the extension's loopback door."""

    version: int
    pid: int
    url: str
    """Root of the door, ending in ``/``; below it ``mlx-manager/api/`` and ``v1/``."""
    token: str

    def __repr__(self) -> str:
        """Without the token: tracebacks show the reprs of locals."""
        return f"Connection(version={self.version}, pid={self.pid}, url={self.url!r}, token=…)"
