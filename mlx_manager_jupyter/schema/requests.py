"""What the gateway was asked, and what became of it."""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from typing import Annotated, Literal, get_args

from msgspec import Meta
from msgspec.structs import fields

from mlx_manager_jupyter.schema.base import Positive, Record

Lane = Literal["interactive", "batch"]
"""``batch`` waits while somebody ``interactive`` does."""


class RequestRecord(Record, gc=False):  # thousands come and go, none refers to another
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


COLUMNS_TYPE = "application/vnd.mlx-manager.request-columns"
"""Of an answer made of `RequestColumns` in MessagePack, each after its length in four bytes."""
LINES_TYPE = "application/x-ndjson"
"""Of an answer with one record a line, oldest first."""

ColumnKind = Literal["time", "fraction", "whole", "flag", "words"]
NumberKind = Literal["flag", "int16", "int32", "int64", "float64"]
CodeKind = Literal["uint8", "uint16", "uint32"]

UNKNOWN_NUMBER = -1
"""Stands for None among whole numbers, which are never negative; among fractions it is NaN."""


class Numbers(Record):
    """One column of numbers."""

    kind: NumberKind
    values: bytes
    """Side by side, lowest byte first; a flag is one byte, a time microseconds since 1970."""


class Words(Record):
    """One column of texts, each different one written once."""

    words: tuple[str | None, ...]
    kind: CodeKind
    codes: bytes
    """Of each row, which of the words it is: numbers as in `Numbers`."""


class RequestColumns(Record):
    """Some of the requests, in order of time, as columns: what many of them travel and lie as.

    What was written by another version may have other columns.
    """

    rows: int
    numbers: dict[str, Numbers] = {}
    words: dict[str, Words] = {}


def _kind_of(annotation: object) -> ColumnKind:
    given = [kind for kind in get_args(annotation) or (annotation,) if kind is not NoneType]
    kinds: dict[object, ColumnKind] = {
        datetime: "time",
        float: "fraction",
        int: "whole",
        bool: "flag",
    }
    return kinds.get(given[0], "words")


COLUMN_KINDS = {field.name: _kind_of(field.type) for field in fields(RequestRecord)}
"""What the column of each field of a `RequestRecord` holds."""
