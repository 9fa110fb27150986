"""Anthropic's ``messages`` where the engine has them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import NotOffered
from mlx_manager_jupyter.services.gateway import problems
from mlx_manager_jupyter.services.gateway.endpoints.messages.asked import system_is_given
from mlx_manager_jupyter.services.gateway.endpoints.messages.whole import WholeMessage
from mlx_manager_jupyter.services.gateway.endpoints.native import (
    NativeRelay,
    body_for,
    failure,
    has,
)
from mlx_manager_jupyter.services.gateway.endpoints.translated import written
from mlx_manager_jupyter.services.gateway.relay import PlainRelay

if TYPE_CHECKING:
    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.services.gateway.relay import Request
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer

MESSAGES = "messages"

#: In the words that our records have for all endpoints.
_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
}


class NativeMessages(NativeRelay):
    """The engine's own events."""

    path = MESSAGES

    def __init__(self, request: Request, server: ManagedServer, tally: Tally) -> None:
        super().__init__(_body(request, server), request, server, tally)
        self._whole = WholeMessage()
        self._model = request.model

    def count(self, said: dict[str, Any]) -> bool:
        """Deltas are pieces; usage comes at the start and at the end."""
        match said.get("type"):
            case "content_block_delta":
                self.tally.piece()
            case "message_start":
                self._used(said["message"].get("usage") or {})
            case "message_delta":
                self._used(said.get("usage") or {})
                reason = said["delta"].get("stop_reason")
                self.tally.finish = _FINISH.get(reason, reason) or self.tally.finish
            case "error":
                raise failure(said.get("error"))
        return said.get("type") == "message_stop"

    def keep(self, said: dict[str, Any]) -> None:
        """Take it into the message."""
        self._whole.add(said)

    def whole(self) -> bytes:
        """The message, under the name that was asked."""
        return msgspec.json.encode(self._whole.message() | {"model": self._model})

    def broken(self, error: MLXManagerError) -> bytes:
        """In Anthropic's way."""
        return written(problems.anthropic(error))

    def _used(self, usage: dict[str, Any]) -> None:
        """Anthropic counts what came from a cache apart; we count the whole prompt."""
        cached = usage.get("cache_read_input_tokens")
        said = {"completion_tokens": usage.get("output_tokens")}
        if usage.get("input_tokens") is not None:
            made = usage.get("cache_creation_input_tokens") or 0
            said["prompt_tokens"] = usage["input_tokens"] + (cached or 0) + made
        self.tally.usage(said | {"prompt_tokens_details": {"cached_tokens": cached}})


class NativeTokens(PlainRelay):
    """How many tokens a request is, by the engine's own count."""

    path = "messages/count_tokens"

    def __init__(self, request: Request, server: ManagedServer, tally: Tally) -> None:
        """Ask for it.

        Raises:
            NotOffered: when the engine does not count.
        """
        if not has(server, MESSAGES):
            raise NotOffered(
                f"{server.stored.engine} does not count the tokens of a request.",
                "Each answer says in 'usage' how many they were.",
            )
        super().__init__(msgspec.json.encode(_body(request, server)), tally)


def _body(request: Request, server: ManagedServer) -> dict[str, Any]:
    prompt = None if system_is_given(request.fields) else "system"
    return body_for(server, request.fields, names={}, prompt=prompt)
