"""Endpoints that an engine lacks: asked in chat completions, told in the endpoint's own events."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import InvalidValue, UnsupportedField
from mlx_manager_jupyter.services.gateway import offered
from mlx_manager_jupyter.services.gateway.endpoints.chat import ChatRelay, ChatRequest
from mlx_manager_jupyter.services.gateway.endpoints.events import (
    Event,
    Failures,
    said_in,
    written,
)
from mlx_manager_jupyter.services.gateway.relay import END

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.services.gateway.endpoints.telling import Teller
    from mlx_manager_jupyter.services.gateway.fields import Fields
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer

TEMPLATE_ARGS = "chat_template_kwargs"

_NULL = msgspec.Raw(b"null")


class Translated(ChatRelay, ABC):
    """Asks in chat completions, as any client of them; what a `Teller` makes of it comes back."""

    def __init__(
        self, chat: ChatRequest, server: ManagedServer, tally: Tally, teller: Teller
    ) -> None:
        """Put it to the engine.

        Raises:
            NotOffered: when its engine has no chat completions.
        """
        offered.check(server, self.path)
        super().__init__(_with_template_args(chat, server), server, tally)
        self._teller = teller
        self._closed = False
        self._failures = Failures()

    @property
    def done(self) -> bool:
        """Whether the closing mark was there.

        Raises:
            UpstreamFailed: when the engine has said that it failed.
        """
        self._failures.tell()
        return super().done

    def events(self, arrived: list[bytes]) -> bytes:
        """The same in the endpoint's events; comments keep a connection alive here too.

        Raises:
            UpstreamFailed: when the engine says that it failed.
        """
        return self._failures.told(self._passed(arrived))

    def add(self, arrived: list[bytes]) -> None:
        """Take them into the whole."""
        for event in arrived:
            for told in self._told(event):
                self.keep(told)

    def broken(self, error: MLXManagerError) -> bytes:
        """In the endpoint's own way."""
        return b"".join(map(written, self._teller.failed(error)))

    def _passed(self, arrived: list[bytes]) -> Iterator[bytes]:
        for event in arrived:
            if event.startswith(b":"):
                yield event + END
            yield from map(written, self._told(event))

    def _told(self, event: bytes) -> Iterator[Event]:
        self._passes(event)
        if said := said_in(event):
            yield from self._teller.chunk(said)
        if self.done and not self._closed:
            self._closed = True
            yield from self._teller.last()

    @abstractmethod
    def keep(self, said: Event) -> None:
        """Take an event into the whole."""


def check_heeded(server: ManagedServer, chat: Fields) -> None:
    """Refuse what the engine would take and not heed.

    Raises:
        UnsupportedField: naming it.
    """
    for name in sorted(server.engine.ignores & chat.keys()):
        raise UnsupportedField(
            f"{server.stored.engine} does not heed {name!r}, so what was asked can't be promised.",
            "Leave it out, or serve the model with another engine.",
        )


def check_address(url: str) -> None:
    """Refuse an address of a picture that is none of the web's: engines read this machine's files.

    Raises:
        InvalidValue: naming it.
    """
    if not url.lower().startswith(("http://", "https://", "data:")):
        raise InvalidValue(
            f"{url[:80]!r} is no address of a picture.", "Send an http(s) or a data URL."
        )


def chat_request(values: dict[str, Any], model: str) -> ChatRequest:
    """The request as if it had come so."""
    return ChatRequest.of(_raw(values | {"model": model}))


def without_nulls(given: Fields) -> Fields:
    """Clients send null for what they don't say."""
    return {name: each for name, each in given.items() if each != _NULL}


def _with_template_args(chat: ChatRequest, server: ManagedServer) -> ChatRequest:
    """What is said of the template adds to what the profile says of it."""
    ours, said = server.stored.profile.chat_template_args, chat.fields.get(TEMPLATE_ARGS)
    if not ours or said is None:
        return chat
    both = ours | msgspec.json.decode(said, type=dict[str, Any])
    whole = copy.copy(chat)
    whole.fields = {**chat.fields, **_raw({TEMPLATE_ARGS: both})}
    return whole


def _raw(values: dict[str, Any]) -> Fields:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in values.items()}
