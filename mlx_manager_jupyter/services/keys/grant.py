"""One key as the gateway's door-keeper knows it. Pure, but for the clocks."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.errors import TooManyRequests, Unauthorized
from mlx_manager_jupyter.services.keys.rate import Rate

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import Key


def digest_of(secret: str) -> bytes:
    """What is kept instead of a secret, and what it is looked up by."""
    return hashlib.sha256(secret.encode()).digest()


class Grant:
    """A key, until when it opens, how often, and when it last did."""

    __slots__ = ("_ends_at", "_rate", "key", "used_at")

    def __init__(self, key: Key) -> None:
        self.key = replace(key, last_used_at=None)
        """What was decided when it was made; the last use is told by `shown`."""
        self._ends_at = key.expires_at.timestamp() if key.expires_at else math.inf
        limit = key.requests_per_minute
        self._rate = None if limit is None else Rate(limit)
        self.used_at = key.last_used_at.timestamp() if key.last_used_at else 0.0
        """By this extension's requests, or what others told."""

    def admit(self) -> Key:
        """Let one request in, or say why not.

        Raises:
            Unauthorized: when the key has expired.
            TooManyRequests: when it is used too often; `retry_after` says how long to wait.
        """
        now = time()
        if now >= self._ends_at:
            ended = datetime.fromtimestamp(self._ends_at, UTC)
            raise Unauthorized(
                f"This key expired on {ended:%Y-%m-%d at %H:%M} UTC.",
                "Make a new one: jupyter mlx keys create LABEL.",
            )
        if self._rate and (wait := self._rate.take()):
            error = TooManyRequests(
                f"This key may make {self.key.requests_per_minute} requests a minute.",
                f"Try again in {math.ceil(wait)} s.",
            )
            error.retry_after = wait
            raise error
        self.used_at = now
        return self.key

    def shown(self) -> Key:
        """The key, with its last use."""
        if not self.used_at:
            return self.key
        return replace(self.key, last_used_at=datetime.fromtimestamp(self.used_at, UTC))
