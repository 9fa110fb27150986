"""A JSON body whose fields stay as they came, but for those that we need."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from mlx_manager_jupyter.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: Bodies above this many bytes are decoded in a thread, so that the loop stays free.
LARGE_BODY = 100_000

Fields = dict[str, msgspec.Raw]

_FIELDS = msgspec.json.Decoder(Fields)


async def read(body: bytes) -> Fields:
    """The fields of a body.

    Raises:
        BadRequest: when it is no JSON object.
    """
    return await off_loop(len(body), lambda: _read(body))


async def parsed(body: bytes, of: Callable[[Fields], T]) -> T:
    """What ``of`` makes of the fields; in a thread, too, where they are large.

    Raises:
        BadRequest: when it is no JSON object, or as ``of`` says.
    """
    return await off_loop(len(body), lambda: of(_read(body)))


async def off_loop(size: int, work: Callable[[], T]) -> T:
    """Do it here, or in a thread where so many bytes would keep the loop."""
    return await asyncio.to_thread(work) if size > LARGE_BODY else work()


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
