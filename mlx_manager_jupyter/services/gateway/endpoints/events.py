"""Events, as engines send them and as clients get them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import UpstreamFailed
from mlx_manager_jupyter.services.gateway.relay import data_of

if TYPE_CHECKING:
    from collections.abc import Iterable

Event = dict[str, Any]


def said_in(event: bytes) -> dict[str, Any] | None:
    """What an engine's event says; None for a comment or a closing mark.

    Raises:
        UpstreamFailed: when it is no JSON object.
    """
    try:
        said = data_of(event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamFailed(f"The engine sent an event that is no JSON: {error}.") from error
    if said is not None and not isinstance(said, dict):
        raise UpstreamFailed("The engine sent an event that is no JSON object.")
    return said


def failure(said: Any) -> UpstreamFailed:  # noqa: ANN401  whatever an engine calls an error
    """What an error in the middle of a stream means."""
    reason = said.get("message", said) if isinstance(said, dict) else said
    return UpstreamFailed(f"The engine failed: {str(reason).rstrip('.')}.", "See the server's log.")


def written(said: Event) -> bytes:
    """One event of either interface: its type is said twice."""
    return b"event: %b\ndata: %b\n\n" % (said["type"].encode(), msgspec.json.encode(said))


class Failures:
    """Lets what came before a failure, in the same moment, be told before it."""

    def __init__(self) -> None:
        self._failed: UpstreamFailed | None = None

    def told(self, pieces: Iterable[bytes]) -> bytes:
        """All of them, up to a failure.

        Raises:
            UpstreamFailed: when there are none before it, or there was one before.
        """
        self.tell()
        told: list[bytes] = []
        try:
            told.extend(pieces)
        except UpstreamFailed as error:
            self._failed = error
        if not told:
            self.tell()
        return b"".join(told)

    def tell(self) -> None:
        """Raise what has failed, if anything has.

        Raises:
            UpstreamFailed: what the engine has said.
        """
        if self._failed:
            raise self._failed
