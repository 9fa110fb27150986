"""``chat/completions``: the client's own words, with the name pinned and always as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import BadRequest
from mlx_manager_jupyter.services.gateway import fields, offered, pinned
from mlx_manager_jupyter.services.gateway.completion import Aggregate
from mlx_manager_jupyter.services.gateway.copying import CopyRelay
from mlx_manager_jupyter.services.gateway.fields import Fields, value
from mlx_manager_jupyter.services.gateway.relay import Request

if TYPE_CHECKING:
    from mlx_manager_jupyter.services.gateway.asked import Asked
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer

#: Roles of a message that says how to answer; the second is OpenAI's newer word.
_LEADING = (msgspec.Raw(b'"system"'), msgspec.Raw(b'"developer"'))


async def parse(asked: Asked) -> ChatRequest:
    """Read a chat request.

    Raises:
        BadRequest: when it is no JSON object, or lacks ``messages``.
    """
    return await fields.parsed(asked.body, ChatRequest.of)


class ChatRequest(Request):
    """A chat request whose fields stay as they came, but for those that we need."""

    wants_usage = False
    introduced = False
    """Whether the client itself says how to answer."""
    extras: frozenset[str] = frozenset()
    """What it asks that not every engine can put into a stream."""

    @classmethod
    def of(cls, given: Fields) -> ChatRequest:
        """Look at the fields that matter here.

        Raises:
            BadRequest: when one of them is missing, or is not what it should be.
        """
        messages = value(given, "messages", list[Fields], [])
        if not messages:
            raise BadRequest("'messages' is missing or empty.", "Send a list of {role, content}.")
        options = value(given, "stream_options", dict[str, Any] | None) or {}
        request = cls(
            given, value(given, "model", str, ""), stream=bool(value(given, "stream", bool | None))
        )
        request.wants_usage = bool(options.get("include_usage"))
        request.introduced = any(message.get("role") in _LEADING for message in messages)
        asked = {
            "n": value(given, "n", int | None) not in {None, 1},
            "logprobs": value(given, "logprobs", bool | None),
        }
        request.extras = frozenset(name for name, wanted in asked.items() if wanted)
        return request

    def relay(self, server: ManagedServer, tally: Tally) -> ChatRelay:
        """The engine's own chat completions.

        Raises:
            NotOffered: when the model does not talk.
            BadRequest: when something is asked that its streams have no place for.
        """
        offered.check(server, ChatRelay.path)
        offered.check_carried(server, self.extras)
        return ChatRelay(self, server, tally)


class ChatRelay(CopyRelay):
    """Copies events through; puts a plain answer together from them."""

    path = "chat/completions"
    pieces = (b'"content":', b'"reasoning":', b'"reasoning_content":')

    def __init__(self, request: ChatRequest, server: ManagedServer, tally: Tally) -> None:
        body = _upstream_body(request, server)
        super().__init__(request, body, server, tally, usage=request.wants_usage)

    def begin(self, model: str) -> Aggregate:
        """OpenAI's ``chat.completion``."""
        return Aggregate(model)


def _upstream_body(request: ChatRequest, server: ManagedServer) -> bytes:
    """The body for the engine: name pinned, streamed, the profile's defaults filled in."""
    sent = pinned.with_defaults(pinned.fields_for(request.fields, server), server)
    if (prompt := server.stored.profile.system_prompt) and not request.introduced:
        first = msgspec.json.encode({"role": "system", "content": prompt})
        # Spliced behind the bracket: the rest may hold megabytes of pictures.
        rest = memoryview(request.fields["messages"])[1:]
        sent["messages"] = msgspec.Raw(b"".join((b"[", first, b",", rest)))
    return msgspec.json.encode(sent | pinned.STREAMED)
