"""What came to the gateway, before anybody has looked into it."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import Key, Lane


class Asked(Struct, frozen=True, kw_only=True):
    """One request of a client."""

    endpoint: str
    """The path below ``v1/``."""
    body: bytes
    content_type: str = "application/json"
    key: Key | None = None
    """Whose request it is; None for the extension itself."""
    lane: Lane = "interactive"
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    came: float = field(default_factory=monotonic)
    """The same moment on the clock that never jumps."""
