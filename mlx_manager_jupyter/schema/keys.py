"""Keys of the gateway."""

from __future__ import annotations

from datetime import datetime

from mlx_manager_jupyter.schema.base import Record


class Key(Record):
    """A gateway key without its secret."""

    id: str
    label: str
    created_at: datetime
    pid: int | None = None
    """The kernel that it was made for; it dies with that process."""


class NewKey(Record):
    """Answer of ``POST keys``: the only time that the secret travels."""

    key: Key
    secret: str

    def __repr__(self) -> str:
        """Without the secret: tracebacks show the reprs of locals."""
        return f"NewKey(key={self.key!r}, secret=…)"


class CreateKey(Record, forbid_unknown_fields=True):
    """Body of ``POST keys``."""

    label: str = "kernel"
    pid: int | None = None
