"""A JSON body whose fields stay as they came, but for those that we need."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from mlx_manager_jupyter.errors import BadRequest

#: Bodies above this many bytes are decoded in a thread, so that the loop stays free.
LARGE_BODY = 100_000

Fields = dict[str, msgspec.Raw]

_FIELDS = msgspec.json.Decoder(Fields)


async def read(body: bytes) -> Fields:
    """The fields of a body.

    Raises:
        BadRequest: when it is no JSON object.
    """
    return await asyncio.to_thread(_read, body) if len(body) > LARGE_BODY else _read(body)


def _read(body: bytes) -> Fields:
    try:
        return _FIELDS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is no JSON object: {error}.") from error


def value(fields: Fields, name: str, kind: Any, default: Any = None) -> Any:  # noqa: ANN401
    """One field, as the type that it must have.

    Raises:
        BadRequest: when it is something else.
    """
    if name not in fields:
        return default
    try:
        return msgspec.json.decode(fields[name], type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"{name!r} is not what it should be: {error}.") from error
