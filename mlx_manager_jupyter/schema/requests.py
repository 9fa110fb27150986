"""What the gateway was asked, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from mlx_manager_jupyter.schema.base import Positive, Record

Lane = Literal["interactive", "batch"]
"""``batch`` waits while somebody ``interactive`` does."""


class RequestRecord(Record):
    """One request to the gateway, however it ended. Durations in seconds, without the client's."""

    id: str
    time: datetime
    """When it came."""
    endpoint: str
    """Below ``v1/``, as the client asked it."""
    asked: str
    """The name that the client gave."""
    status: int
    """Of HTTP; 499 when the client left before the end."""
    server: str | None = None
    """None when it came to none."""
    profile: str | None = None
    model: str | None = None
    revision: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    key: str | None = None
    """Id of the key that was used."""
    caller: str | None = None
    """That key's label."""
    notebook: str | None = None
    lane: Lane = "interactive"
    stream: bool = False
    load_seconds: float = 0.0
    """Waited for the server to start."""
    queue_seconds: float = 0.0
    """Waited for its turn."""
    first_token_seconds: float | None = None
    """From the engine being asked to its first token."""
    seconds: float = 0.0
    """From its coming to its end."""
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    """Of the prompt, found prepared by the engine."""
    completion_tokens: int | None = None
    tokens_per_second: float | None = None
    """Tokens after the first, by the time after the first."""
    finish: str | None = None
    """As the engine says: ``stop``, ``length``, ``tool_calls`` …; ``cancelled`` by the client."""
    error: str | None = None
    """The code of the error, if it ended in one."""


class RequestsQuery(Record, forbid_unknown_fields=True):
    """Query of ``GET requests``."""

    since: datetime | None = None
    """Only what came at this time or later."""
    server: str | None = None
    limit: Annotated[Positive, Meta(le=10_000_000)] = 1000
    """The newest so many."""
