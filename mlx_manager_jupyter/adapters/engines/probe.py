"""A question to an engine whose answer proves something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Probe(Struct, frozen=True, kw_only=True):
    """A request; 200, and a body that is accepted, mean yes."""

    path: str
    body: Mapping[str, Any] | None = None
    """What is posted; without it the path is only got."""
    accepts: Callable[[bytes], bool] | None = None
    """What the body must be; anything by default."""

    @property
    def method(self) -> Literal["GET", "POST"]:
        """By whether there is something to send."""
        return "GET" if self.body is None else "POST"
