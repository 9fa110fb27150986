"""What `doctor` finds out."""

from __future__ import annotations

from typing import Literal

from mlx_manager_jupyter.schema.base import Record


class Check(Record):
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "warn", "fail"]
    """``warn``: it works, but not as it should."""
    says: str
    """What was found."""
    hint: str | None = None
    """What to do about it."""
    details: tuple[str, ...] = ()
    """More lines, such as the end of a log."""
