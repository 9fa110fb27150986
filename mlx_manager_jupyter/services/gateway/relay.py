"""How one request is put to an engine, and how the answer is told to the client."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from mlx_manager_jupyter.services.gateway import problems

if TYPE_CHECKING:
    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.schema import StoredServer
    from mlx_manager_jupyter.services.gateway.fields import Fields
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer

#: Ends an event.
END = b"\n\n"
DATA = b"data: "


class Request(ABC):
    """What a client asks at one endpoint, read as far as routing needs it."""

    def __init__(self, fields: Fields, model: str, *, stream: bool) -> None:
        self.fields = fields
        self.model = model
        self.stream = stream

    @abstractmethod
    def relay(self, server: ManagedServer, tally: Tally) -> Relay:
        """The way through this server.

        Raises:
            NotOffered: when its engine has no such endpoint, nor one that it can be translated to.
            BadRequest: when something is asked that can't be had there.
        """

    def broken(self, error: MLXManagerError) -> bytes:
        """How a stream says that it will never come, once it has begun with waiting."""
        return broken(error)


class Relay(ABC):
    """One exchange with one engine. Events go in one direction, bytes for the client come out.

    An engine that answers in events is asked for a stream in any case, since nothing else can be
    cancelled: a client that wants it plain gets what `add` put together.
    """

    path: ClassVar[str]
    """Of the engine, below ``/v1/``."""
    streamed: ClassVar[bool] = True
    """Whether the engine answers in events."""
    content_type: str = "application/json"
    """Of what the engine is sent."""
    over: bool = False
    """Whether the answer is complete for us, though the engine would go on."""

    def __init__(self, body: bytes, tally: Tally) -> None:
        self.body = body
        self.tally = tally

    @property
    def done(self) -> bool:
        """Whether the engine has said that its answer is complete."""
        return True

    def events(self, arrived: list[bytes]) -> bytes:
        """What a client that wants a stream gets of these events, each without its end."""
        raise NotImplementedError

    def add(self, arrived: list[bytes]) -> None:
        """Take these events in for a client that wants a plain answer."""
        raise NotImplementedError

    def whole(self) -> bytes:
        """That plain answer, as JSON."""
        raise NotImplementedError

    def plain(self, body: bytes) -> bytes:
        """What a client gets of an answer that came in one piece."""
        raise NotImplementedError

    def broken(self, error: MLXManagerError) -> bytes:
        """How a stream that can't go on says so."""
        return broken(error)


def broken(error: MLXManagerError) -> bytes:
    """An error as an event of OpenAI's streams."""
    return DATA + msgspec.json.encode(problems.openai(error)) + END


class PlainRelay(Relay):
    """An answer that comes in one piece and passes as it is."""

    streamed = False

    def plain(self, body: bytes) -> bytes:
        """The same."""
        return body


def renamed(stored: StoredServer, asked: str) -> list[tuple[bytes, bytes]]:
    """What an engine calls itself in its events, and what the client called it.

    A quote inside a JSON string is always escaped, so these bytes can only be the field itself.
    Engines write it with a blank or without, and other scripts than ours escaped or as they are.
    """
    served = stored.served_name
    names = dict.fromkeys((msgspec.json.encode(served), json.dumps(served).encode()))
    wanted = msgspec.json.encode(asked)
    gaps = (b'"model": ', b'"model":')
    return [(gap + name, gap + wanted) for gap in gaps for name in names]


def data_of(event: bytes) -> Any:  # noqa: ANN401  JSON
    """The JSON of an event; None for a comment or the closing mark."""
    # The mark may be among the words of an answer too: only at the start of a line it is one.
    _, _, data = (b"\n" + event).partition(b"\n" + DATA)
    return msgspec.json.decode(data) if data and not data.startswith(b"[DONE]") else None
