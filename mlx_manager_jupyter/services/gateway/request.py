"""What goes upstream: the client's own words, with the name pinned and always as a stream."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import BadRequest

if TYPE_CHECKING:
    from mlx_manager_jupyter.adapters.engines import Engine
    from mlx_manager_jupyter.schema import StoredServer

#: Bodies above this many bytes are decoded in a thread, so that the loop stays free.
LARGE_BODY = 100_000

#: What a client may say instead of it.
NEWER_NAMES = {"max_tokens": "max_completion_tokens"}

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class ChatRequest(msgspec.Struct, frozen=True):
    """A chat request whose fields stay as they came, but for those that we need."""

    fields: dict[str, msgspec.Raw]
    model: str
    stream: bool
    wants_usage: bool

    @classmethod
    async def parse(cls, body: bytes) -> ChatRequest:
        """Read the body of a request.

        Raises:
            BadRequest: when it is no JSON object, or lacks ``model`` or ``messages``.
        """
        large = len(body) > LARGE_BODY
        return await asyncio.to_thread(cls._parse, body) if large else cls._parse(body)

    @classmethod
    def _parse(cls, body: bytes) -> ChatRequest:
        try:
            fields = _FIELDS.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadRequest(f"The body is no JSON object: {error}.") from error
        if not _value(fields, "messages", list[dict[str, msgspec.Raw]], []):
            raise BadRequest("'messages' is missing or empty.", "Send a list of {role, content}.")
        if _value(fields, "n", int | None, None) not in {None, 1}:
            raise BadRequest("'n' other than 1 is not supported.", "Ask once for each answer.")
        if _value(fields, "logprobs", bool | None, None):
            raise BadRequest("'logprobs' can't be had: streams lack them.", "Leave it out.")
        options = _value(fields, "stream_options", dict[str, Any] | None, None) or {}
        return cls(
            fields=fields,
            model=_value(fields, "model", str, ""),
            stream=bool(_value(fields, "stream", bool | None, None)),
            wants_usage=bool(options.get("include_usage")),
        )

    def upstream_body(self, engine: Engine, stored: StoredServer) -> bytes:
        """The body for the engine: name pinned, streamed, the profile's defaults filled in.

        Raises:
            BadRequest: when the profile has a system prompt and ``messages`` is no list.
        """
        profile = stored.profile
        withheld = engine.withheld_from(profile)
        fields: dict[str, Any] = {
            name: value for name, value in self.fields.items() if name not in withheld
        }
        for name, value in engine.request_values(profile).items():
            if name not in fields and NEWER_NAMES.get(name) not in fields:
                fields[name] = value
        if profile.system_prompt:
            fields["messages"] = _introduced(self.fields, profile.system_prompt)
        fields["model"] = stored.served_name
        fields["stream"] = True
        fields["stream_options"] = {"include_usage": True}
        return msgspec.json.encode(fields)


def _introduced(fields: dict[str, msgspec.Raw], system_prompt: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = _value(fields, "messages", list[dict[str, Any]], [])
    if any(message.get("role") == "system" for message in messages):
        return messages
    return [{"role": "system", "content": system_prompt}, *messages]


def _value(fields: dict[str, msgspec.Raw], name: str, kind: Any, default: Any) -> Any:  # noqa: ANN401
    if name not in fields:
        return default
    try:
        return msgspec.json.decode(fields[name], type=kind)
    except msgspec.DecodeError as error:
        raise BadRequest(f"{name!r} is not what it should be: {error}.") from error
