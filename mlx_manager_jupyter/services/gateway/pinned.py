"""What an engine is sent: the client's own fields, but under the name that it was started with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from mlx_manager_jupyter.services.gateway.fields import Fields
    from mlx_manager_jupyter.services.servers import ManagedServer

#: What a client may say instead of it.
NEWER_NAMES = {"max_tokens": "max_completion_tokens"}

STREAMED = {"stream": True, "stream_options": {"include_usage": True}}

_NULL = msgspec.Raw(b"null")


def fields_for(given: Fields, server: ManagedServer) -> dict[str, Any]:
    """The client's fields: without those that would make the engine load something else.

    Nor those that are null, which clients send for what they don't set, and engines refuse.
    """
    stored, engine = server.stored, server.engine
    withheld = engine.withheld_from(stored.profile)
    sent: dict[str, Any] = {
        name: each for name, each in given.items() if name not in withheld and each != _NULL
    }
    return sent | {"model": stored.served_name}


def with_defaults(sent: dict[str, Any], server: ManagedServer) -> dict[str, Any]:
    """With the profile's values where a client says nothing."""
    defaults = server.engine.request_values(server.stored.profile)
    missing = {
        name: value
        for name, value in defaults.items()
        if name not in sent and NEWER_NAMES.get(name) not in sent
    }
    return sent | missing
