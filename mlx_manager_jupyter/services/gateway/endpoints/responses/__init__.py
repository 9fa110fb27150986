"""OpenAI's ``responses``: passed on where the engine has them, else asked in chat completions.

| concern | where |
|---|---|
| the request in words of chat completions | `asked`, `items` |
| their answer in the events of responses | `told` |
| engines that have the endpoint themselves | `native` |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.services.gateway import fields
from mlx_manager_jupyter.services.gateway.endpoints.chat import ChatRequest
from mlx_manager_jupyter.services.gateway.endpoints.events import written
from mlx_manager_jupyter.services.gateway.endpoints.native import has
from mlx_manager_jupyter.services.gateway.endpoints.responses.asked import translate
from mlx_manager_jupyter.services.gateway.endpoints.responses.items import OnlyNative
from mlx_manager_jupyter.services.gateway.endpoints.responses.native import (
    RESPONSES,
    NativeResponses,
)
from mlx_manager_jupyter.services.gateway.endpoints.responses.told import (
    ResponseTeller,
    error_event,
)
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


async def parse(asked: Asked) -> ResponsesRequest:
    """Read a request for a response.

    Raises:
        BadRequest: when it is none.
    """
    return await fields.parsed(asked.body, ResponsesRequest.of)


class ResponsesRequest(Request):
    """A request, and what it is in chat completions, or why it can't be said there."""

    chat: ChatRequest | OnlyNative

    @classmethod
    def of(cls, given: Fields) -> ResponsesRequest:
        """Read it.

        Raises:
            BadRequest: when it is none.
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
        # mlx-vlm 0.7.10 sees to it that a tool is used in chat completions, and here it does not.
        forced = isinstance(self.chat, ChatRequest) and "tool_choice" in self.chat.fields
        if has(server, RESPONSES) and not forced:
            return NativeResponses(self, server, tally)
        if isinstance(self.chat, OnlyNative):
            raise self.chat
        return TranslatedResponses(self, self.chat, server, tally)

    def broken(self, error: MLXManagerError) -> bytes:
        """In OpenAI's way."""
        return written(error_event(error, 0))


class TranslatedResponses(Translated):
    """Chat completions as responses."""

    def __init__(
        self, request: ResponsesRequest, chat: ChatRequest, server: ManagedServer, tally: Tally
    ) -> None:
        teller = ResponseTeller(request.model, request.fields)
        super().__init__(chat, server, tally, teller)
        self._response = teller.response

    def keep(self, said: dict[str, Any]) -> None:
        """The teller has it all."""

    def whole(self) -> bytes:
        """The response."""
        return msgspec.json.encode(self._response)
