"""Anthropic's ``messages`` where the engine has them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import NotOffered
from mlx_manager_jupyter.services.gateway import problems
from mlx_manager_jupyter.services.gateway.endpoints.events import Event, failure, written
from mlx_manager_jupyter.services.gateway.endpoints.messages.asked import system_is_given
from mlx_manager_jupyter.services.gateway.endpoints.messages.stops import Stops
from mlx_manager_jupyter.services.gateway.endpoints.messages.whole import WholeMessage
from mlx_manager_jupyter.services.gateway.endpoints.native import (
    NativeRelay,
    body_for,
    has,
)
from mlx_manager_jupyter.services.gateway.fields import value
from mlx_manager_jupyter.services.gateway.relay import PlainRelay

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """The engine's own events.

    mlx-vlm 0.7.10 goes on behind a stop sequence in a stream, so it is ended here.
    """

    path = MESSAGES

    def __init__(self, request: Request, server: ManagedServer, tally: Tally) -> None:
        super().__init__(_body(request, server), request, server, tally)
        self._whole = WholeMessage()
        self._model = request.model
        self._stops = Stops(value(request.fields, "stop_sequences", list[str] | None) or ())
        self.rewrites = bool(self._stops)

    def count(self, said: Event) -> bool:
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

    def keep(self, said: Event) -> None:
        """Take it into the message."""
        self._whole.add(said)

    def told(self, said: Event) -> Iterator[Event]:
        """Itself; or less of it, and the end, once a stop sequence is met."""
        if self.over:
            return
        delta = said.get("delta") or {}
        if self.rewrites and delta.get("type") == "text_delta":
            if text := self._stops.feed(delta["text"]):
                yield {**said, "delta": {**delta, "text": text}}
            if self._stops.met:
                yield from self._stopped(said["index"], self._stops.met)
            return
        if said.get("type") == "content_block_stop" and (rest := self._stops.rest()):
            last = {"type": "text_delta", "text": rest}
            yield {"type": "content_block_delta", "index": said["index"], "delta": last}
        yield said

    def _stopped(self, index: int, sequence: str) -> Iterator[Event]:
        self.over = self._done = True
        self.tally.finish = "stop"
        yield {"type": "content_block_stop", "index": index}
        delta = {"stop_reason": "stop_sequence", "stop_sequence": sequence}
        # The engine says only at its own end how many there were; we have counted.
        usage = {"output_tokens": self.tally.completion_tokens or 0}
        yield {"type": "message_delta", "delta": delta, "usage": usage}
        yield {"type": "message_stop"}

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
