"""Keys of the gateway."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from mlx_manager_jupyter.schema.base import Name, Record

if TYPE_CHECKING:
    from collections.abc import Iterable

Label = Annotated[str, Meta(min_length=1, max_length=80)]
PerMinute = Annotated[int, Meta(ge=1, le=1_000_000)]
#: With its zone: one without can't be compared to now.
Moment = Annotated[datetime, Meta(tz=True)]


class Key(Record):
    """A gateway key without its secret."""

    id: str
    label: str
    created_at: Moment
    pid: int | None = None
    """The kernel that it was made for; it dies with that process. None for a named one."""
    notebook: str | None = None
    """What that kernel runs, as far as it knows."""
    expires_at: Moment | None = None
    """When it opens nothing any more; None for never."""
    profiles: tuple[str, ...] = ()
    """The only profiles that it opens; empty for all."""
    requests_per_minute: PerMinute | None = None
    """How many requests it may make of each Jupyter server; None for no limit."""
    last_used_at: Moment | None = None
    """To a minute, where another Jupyter server was asked."""


class NewKey(Record):
    """Answer of ``POST keys``: the only time that the secret travels."""

    key: Key
    secret: str

    def __repr__(self) -> str:
        """Without the secret: tracebacks show the reprs of locals."""
        return f"NewKey(key={self.key!r}, secret=…)"


class CreateKey(Record, forbid_unknown_fields=True):
    """Body of ``POST keys``."""

    label: Label = "kernel"
    pid: int | None = None
    """It dies with this process; without one it is kept until it expires or is revoked."""
    notebook: str | None = None
    expires_in_seconds: Annotated[float, Meta(gt=0.0, le=10 * 366 * 86400.0)] | None = None
    profiles: tuple[Name, ...] = ()
    requests_per_minute: PerMinute | None = None


def permits(key: Key | None, names: Iterable[str]) -> bool:
    """Whether a key opens what goes by any of these names; the extension itself (None) may all.

    Args:
        key: whose request it is.
        names: of the profile, or of the server if it runs from none.
    """
    return key is None or not key.profiles or any(name in key.profiles for name in names)
