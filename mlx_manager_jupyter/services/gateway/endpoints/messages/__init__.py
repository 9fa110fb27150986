"""Anthropic's ``messages``: passed on where the engine has them, else asked in chat completions.

| concern | where |
|---|---|
| the request in words of chat completions | `asked`, `turns`, `blocks` |
| their answer in Anthropic's events | `told` |
| a whole message from such events | `whole` |
| engines that have the endpoint themselves | `native` |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.services.gateway import fields, problems
from mlx_manager_jupyter.services.gateway.endpoints.chat import ChatRequest
from mlx_manager_jupyter.services.gateway.endpoints.events import written
from mlx_manager_jupyter.services.gateway.endpoints.messages.asked import (
    check_pictures,
    read_messages,
    translate,
)
from mlx_manager_jupyter.services.gateway.endpoints.messages.blocks import (
    OnlyNative,
    ThinkingConfig,
)
from mlx_manager_jupyter.services.gateway.endpoints.messages.native import (
    MESSAGES,
    NativeMessages,
    NativeTokens,
)
from mlx_manager_jupyter.services.gateway.endpoints.messages.told import MessageTeller
from mlx_manager_jupyter.services.gateway.endpoints.messages.whole import WholeMessage
from mlx_manager_jupyter.services.gateway.endpoints.native import has
from mlx_manager_jupyter.services.gateway.endpoints.translated import (
    Translated,
    chat_request,
    check_heeded,
)
from mlx_manager_jupyter.services.gateway.fields import Fields, value
from mlx_manager_jupyter.services.gateway.relay import Relay, Request

if TYPE_CHECKING:
    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.services.gateway.asked import Asked
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer


async def parse(asked: Asked) -> MessagesRequest:
    """Read a request for a message.

    Raises:
        BadRequest: when it is none, or asks for what no local model has.
    """
    return await fields.parsed(asked.body, MessagesRequest.of)


async def parse_count(asked: Asked) -> CountRequest:
    """Read a request for the number of its tokens.

    Raises:
        BadRequest: when it is none.
    """
    return await fields.parsed(asked.body, CountRequest.of)


class MessagesRequest(Request):
    """A request, and what it is in chat completions, or why it can't be said there."""

    chat: ChatRequest | OnlyNative

    @classmethod
    def of(cls, given: Fields) -> MessagesRequest:
        """Read it.

        Raises:
            BadRequest: when it is none, or asks for what no local model has.
        """
        request = cls(
            given, value(given, "model", str, ""), stream=bool(value(given, "stream", bool | None))
        )
        try:
            request.chat = chat_request(translate(given), request.model)
        except OnlyNative as error:
            request.chat = error
        return request

    def relay(self, server: ManagedServer, tally: Tally) -> Relay:
        """The engine's own endpoint, else chat completions.

        Raises:
            NotOffered: when it has neither.
            BadRequest: when something can't be had with this engine.
        """
        if isinstance(self.chat, ChatRequest):
            check_heeded(server, self.chat.fields)
        if has(server, MESSAGES):
            return NativeMessages(self, server, tally)
        if isinstance(self.chat, OnlyNative):
            raise self.chat
        return TranslatedMessages(self, self.chat, server, tally)

    def broken(self, error: MLXManagerError) -> bytes:
        """In Anthropic's way."""
        return written(problems.anthropic(error))


class CountRequest(Request):
    """A request whose tokens shall be counted."""

    @classmethod
    def of(cls, given: Fields) -> CountRequest:
        """Read it.

        Raises:
            BadRequest: when it is none.
        """
        check_pictures(read_messages(given))
        return cls(given, value(given, "model", str, ""), stream=False)

    def relay(self, server: ManagedServer, tally: Tally) -> Relay:
        """The engine's own count.

        Raises:
            NotOffered: when it has none.
        """
        return NativeTokens(self, server, tally)


class TranslatedMessages(Translated):
    """Chat completions as messages."""

    def __init__(
        self, request: MessagesRequest, chat: ChatRequest, server: ManagedServer, tally: Tally
    ) -> None:
        thinking = value(request.fields, "thinking", ThinkingConfig | None)
        teller = MessageTeller(
            request.model,
            value(request.fields, "stop_sequences", list[str] | None) or (),
            thoughts=thinking is None or thinking.shown,
        )
        super().__init__(chat, server, tally, teller)
        self._message = WholeMessage()

    def keep(self, said: dict[str, Any]) -> None:
        """Take it into the message."""
        self._message.add(said)

    def whole(self) -> bytes:
        """The message."""
        return msgspec.json.encode(self._message.message())
