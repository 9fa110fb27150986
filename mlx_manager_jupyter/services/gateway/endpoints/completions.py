"""``completions``: a text goes on, without a chat's template. Few engines have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import BadRequest
from mlx_manager_jupyter.services.gateway import fields, offered, pinned
from mlx_manager_jupyter.services.gateway.completion import TextAggregate
from mlx_manager_jupyter.services.gateway.copying import CopyRelay
from mlx_manager_jupyter.services.gateway.fields import Fields, value
from mlx_manager_jupyter.services.gateway.relay import Request

if TYPE_CHECKING:
    from mlx_manager_jupyter.services.gateway.asked import Asked
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer


async def parse(asked: Asked) -> CompletionsRequest:
    """Read a request for a text to go on.

    Raises:
        BadRequest: when it is no JSON object, or lacks ``prompt``.
    """
    return await fields.parsed(asked.body, CompletionsRequest.of)


class CompletionsRequest(Request):
    """A text, or what a server elsewhere may take instead."""

    wants_usage = False
    extras: frozenset[str] = frozenset()
    """What it asks that not every engine can put into a stream."""

    @classmethod
    def of(cls, given: Fields) -> CompletionsRequest:
        """Look at the fields that matter here.

        Raises:
            BadRequest: when one of them is missing, or is not what it should be.
        """
        prompt = value(given, "prompt", str | list[Any] | None)
        if not prompt:
            raise BadRequest("'prompt' is missing or empty.", "Send the text that shall go on.")
        if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str):
            given = given | {"prompt": msgspec.Raw(msgspec.json.encode(prompt[0]))}
            prompt = prompt[0]
        options = value(given, "stream_options", dict[str, Any] | None) or {}
        request = cls(
            given, value(given, "model", str, ""), stream=bool(value(given, "stream", bool | None))
        )
        request.wants_usage = bool(options.get("include_usage"))
        asked = {
            "prompts": not isinstance(prompt, str),
            "n": value(given, "n", int | None) not in {None, 1},
            "best_of": value(given, "best_of", int | None) not in {None, 1},
            "logprobs": value(given, "logprobs", int | None) is not None,
            "echo": value(given, "echo", bool | None),
            "suffix": value(given, "suffix", str | None),
        }
        request.extras = frozenset(name for name, wanted in asked.items() if wanted)
        return request

    def relay(self, server: ManagedServer, tally: Tally) -> CompletionsRelay:
        """The engine's own completions.

        Raises:
            NotOffered: when it has none.
            BadRequest: when something is asked that its streams have no place for.
        """
        offered.check(server, CompletionsRelay.path)
        offered.check_carried(server, self.extras)
        return CompletionsRelay(self, server, tally)


class CompletionsRelay(CopyRelay):
    """Copies events through; puts a plain answer together from them."""

    path = "completions"
    pieces = (b'"text":',)

    def __init__(self, request: CompletionsRequest, server: ManagedServer, tally: Tally) -> None:
        sent = pinned.with_defaults(pinned.fields_for(request.fields, server), server)
        sent.pop("chat_template_kwargs", None)  # there is no chat
        body = msgspec.json.encode(sent | pinned.STREAMED)
        super().__init__(request, body, server, tally, usage=request.wants_usage)

    def begin(self, model: str) -> TextAggregate:
        """OpenAI's ``text_completion``."""
        return TextAggregate(model)
