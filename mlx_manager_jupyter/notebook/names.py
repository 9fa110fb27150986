"""Names to complete with: what there is of servers, profiles and models, without ever waiting long.

A Tab must not hang: another thread asks, the one who types gets what was known a moment ago.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mlx_manager_jupyter.errors import MLXManagerError

if TYPE_CHECKING:
    from collections.abc import Callable

#: How long an answer is good for; whoever types the next letter asks for nothing new.
FRESH_SECONDS = 2.0
#: How long a Tab waits for a new one; then the last one has to do.
WAIT_SECONDS = 0.3
#: No list that anybody reads is longer.
MOST_MODELS = 1_000


class Names(NamedTuple):
    """By what one can be called."""

    servers: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


class KnownNames:
    """The names as of a moment ago; none while the extension can't be asked."""

    def __init__(self, ask: Callable[[], Names]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._names = Names()
        self._asked = -FRESH_SECONDS
        self._asking: threading.Thread | None = None

    def now(self) -> Names:
        """What is known, within `WAIT_SECONDS`."""
        with self._lock:
            if self._asking is None and monotonic() - self._asked >= FRESH_SECONDS:
                self._asking = threading.Thread(
                    target=self._refresh, name="mlx-manager-names", daemon=True
                )
                self._asking.start()
            asking = self._asking
        if asking:
            asking.join(WAIT_SECONDS)
        return self._names

    def _refresh(self) -> None:
        try:
            self._names = self._ask()
        except (MLXManagerError, msgspec.DecodeError):
            self._names = Names()  # nobody there, or another version of us
        finally:
            with self._lock:
                self._asked = monotonic()
                self._asking = None


def ask() -> Names:
    """What the extension says."""
    from mlx_manager_jupyter.client.client import shared_client  # noqa: PLC0415  on use
    from mlx_manager_jupyter.schema import ModelQuery  # noqa: PLC0415  on use

    client = shared_client()
    models = client.models.search(ModelQuery(limit=MOST_MODELS)).models
    return Names(
        servers=tuple(server.name for server in client.servers.list()),
        profiles=tuple(profile.name for profile in client.profiles.list()),
        models=tuple(model.id for model in models if model.complete),
    )
