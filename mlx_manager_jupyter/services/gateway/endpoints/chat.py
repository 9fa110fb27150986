"""``chat/completions``: the client's own words, with the name pinned and always as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import BadRequest
from mlx_manager_jupyter.services.gateway import fields
from mlx_manager_jupyter.services.gateway.completion import Aggregate
from mlx_manager_jupyter.services.gateway.fields import Fields, value
from mlx_manager_jupyter.services.gateway.relay import END, Relay, Request, data_of, renamed

if TYPE_CHECKING:
    from mlx_manager_jupyter.services.gateway.asked import Asked
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer

#: What a client may say instead of it.
NEWER_NAMES = {"max_tokens": "max_completion_tokens"}

DONE = b"data: [DONE]"


async def parse(asked: Asked) -> ChatRequest:
    """Read a chat request.

    Raises:
        BadRequest: when it is no JSON object, or lacks ``messages``.
    """
    return ChatRequest.of(await fields.read(asked.body))


class ChatRequest(Request):
    """A chat request whose fields stay as they came, but for those that we need."""

    wants_usage = False

    @classmethod
    def of(cls, given: Fields) -> ChatRequest:
        """Look at the fields that matter here.

        Raises:
            BadRequest: when one of them is missing, or is not what it should be.
        """
        if not value(given, "messages", list[Fields], []):
            raise BadRequest("'messages' is missing or empty.", "Send a list of {role, content}.")
        if value(given, "n", int | None) not in {None, 1}:
            raise BadRequest("'n' other than 1 is not supported.", "Ask once for each answer.")
        if value(given, "logprobs", bool | None):
            raise BadRequest("'logprobs' can't be had: streams lack them.", "Leave it out.")
        options = value(given, "stream_options", dict[str, Any] | None) or {}
        request = cls(
            given, value(given, "model", str, ""), stream=bool(value(given, "stream", bool | None))
        )
        request.wants_usage = bool(options.get("include_usage"))
        return request

    def relay(self, server: ManagedServer, tally: Tally) -> ChatRelay:
        """The engine's own chat completions, which every engine has."""
        return ChatRelay(self, server, tally)


class ChatRelay(Relay):
    """Copies events through; puts a plain answer together from them."""

    path = "chat/completions"

    def __init__(self, request: ChatRequest, server: ManagedServer, tally: Tally) -> None:
        super().__init__(_upstream_body(request.fields, server), tally)
        self._wants_usage = request.wants_usage
        self._renamed = renamed(server.stored, request.model)
        self._done = False
        self._model = request.model
        self._whole: Aggregate | None = None

    @property
    def done(self) -> bool:
        """Whether the closing mark was there."""
        return self._done

    def events(self, arrived: list[bytes]) -> bytes:
        """The same events, under the name that was asked; usage only if it was asked for."""
        passed = b"".join(event + END for event in arrived if self._passes(event))
        for pinned, asked in self._renamed if passed else ():
            passed = passed.replace(pinned, asked)
        return passed

    def add(self, arrived: list[bytes]) -> None:
        """Take them into the whole."""
        self._whole = self._whole or Aggregate(self._model)
        for event in arrived:
            self._passes(event)
            self._whole.add(event)

    def whole(self) -> bytes:
        """OpenAI's ``chat.completion``."""
        return msgspec.json.encode((self._whole or Aggregate(self._model)).completion())

    def _passes(self, event: bytes) -> bool:
        """Count the event; False for a usage report that the client did not ask for."""
        if b'"content"' in event or b'"reasoning' in event:
            self.tally.piece()
        if b'"usage"' in event or _says_finish(event):
            said = data_of(event) or {}
            self.tally.usage(said.get("usage"))
            for choice in said.get("choices") or ():
                self.tally.finish = choice.get("finish_reason") or self.tally.finish
            return bool(said.get("choices")) or self._wants_usage or "usage" not in said
        self._done = self._done or event == DONE
        return True


def _says_finish(event: bytes) -> bool:
    """Whether it says why the answer ends: engines write the reason with a blank or without."""
    _, named, reason = event.partition(b'"finish_reason":')
    return bool(named) and not reason.lstrip().startswith(b"null")


def _upstream_body(given: Fields, server: ManagedServer) -> bytes:
    """The body for the engine: name pinned, streamed, the profile's defaults filled in."""
    stored, engine = server.stored, server.engine
    profile = stored.profile
    withheld = engine.withheld_from(profile)
    sent: dict[str, Any] = {name: each for name, each in given.items() if name not in withheld}
    for name, default in engine.request_values(profile).items():
        if name not in sent and NEWER_NAMES.get(name) not in sent:
            sent[name] = default
    if profile.system_prompt:
        sent["messages"] = _introduced(given, profile.system_prompt)
    return msgspec.json.encode(
        sent
        | {
            "model": stored.served_name,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    )


def _introduced(given: Fields, system_prompt: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = value(given, "messages", list[dict[str, Any]], [])
    if any(message.get("role") == "system" for message in messages):
        return messages
    return [{"role": "system", "content": system_prompt}, *messages]
