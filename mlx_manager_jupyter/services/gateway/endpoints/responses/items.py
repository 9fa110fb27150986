"""Items of a conversation, as ``responses`` lists them, in the messages of chat completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from mlx_manager_jupyter.errors import InvalidValue, UnsupportedField
from mlx_manager_jupyter.services.gateway.endpoints.translated import check_address

if TYPE_CHECKING:
    from collections.abc import Iterable


class OnlyNative(UnsupportedField):
    """What chat completions have no words for; an engine with ``responses`` of its own may."""


class InputText(Struct, tag="input_text"):
    """Words of the client."""

    text: str


class OutputText(Struct, tag="output_text"):
    """Words of the model."""

    text: str


class Refusal(Struct, tag="refusal"):
    """Words of a model that won't."""

    refusal: str


class InputImage(Struct, tag="input_image"):
    """A picture."""

    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None


Part = InputText | OutputText | Refusal | InputImage


class Message(Struct):
    """One turn, or a part of one."""

    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[Part]


class FunctionCall(Struct):
    """A call by the model."""

    call_id: str
    name: str
    arguments: str


class FunctionCallOutput(Struct):
    """What came of it."""

    call_id: str
    output: str | list[InputText | InputImage]


class ReasoningText(Struct):
    """Thoughts, or what a summary says of them."""

    text: str


class ReasoningItem(Struct):
    """What the model thought. What is encrypted, no local model can read."""

    summary: list[ReasoningText] | None = None
    content: list[ReasoningText] | None = None


Item = Message | FunctionCall | FunctionCallOutput | ReasoningItem

_KINDS: dict[str, Any] = {
    "message": Message,
    "function_call": FunctionCall,
    "function_call_output": FunctionCallOutput,
    "reasoning": ReasoningItem,
}


def check_pictures(said: str | list[dict[str, Any]]) -> None:
    """Refuse addresses of pictures that are none of the web's.

    Raises:
        InvalidValue: naming the address.
    """
    for item in said if isinstance(said, list) else ():
        for name in ("content", "output"):
            parts = item.get(name)
            for part in parts if isinstance(parts, list) else ():
                url = part.get("image_url") if isinstance(part, dict) else None
                url = url.get("url") if isinstance(url, dict) else url
                if isinstance(url, str):
                    check_address(url)


def turns(said: str | list[dict[str, Any]], instructions: str | None) -> list[dict[str, Any]]:
    """The messages.

    Raises:
        InvalidValue: where an item is malformed.
        OnlyNative: for an item, or a part of one, that chat completions have no words for.
    """
    items = [Message("user", said)] if isinstance(said, str) else list(_read(said))
    told: list[dict[str, Any]] = []
    thoughts: list[str] = []
    for item in items:
        match item:
            case ReasoningItem():
                thoughts += [part.text for part in item.content or item.summary or ()]
                continue
            case FunctionCallOutput():
                parts = item.output if isinstance(item.output, str) else _content(item.output)
                if not isinstance(parts, str):
                    raise OnlyNative(
                        "A picture in a function's output can't be had with this engine.",
                        "Send it in a message of the user.",
                    )
                told.append({"role": "tool", "tool_call_id": item.call_id, "content": parts})
            case FunctionCall():
                _assistant(told)["tool_calls"] = [
                    *_assistant(told).get("tool_calls", ()),
                    {
                        "id": item.call_id,
                        "type": "function",
                        "function": {"name": item.name, "arguments": item.arguments},
                    },
                ]
            case Message():
                content = item.content if isinstance(item.content, str) else _content(item.content)
                role = "system" if item.role == "developer" else item.role
                told.append({"role": role, "content": content})
        if thoughts and told[-1]["role"] == "assistant":
            told[-1]["reasoning_content"] = "\n".join(thoughts)
        thoughts = []
    return _introduced(told, instructions)


def _read(said: list[dict[str, Any]]) -> Iterable[Item]:
    for number, item in enumerate(said):
        kind = item.get("type", "message")
        if kind not in _KINDS:
            raise OnlyNative(
                f"An item {kind!r} can't be had here (input[{number}]).",
                f"Items that can be had: {', '.join(_KINDS)}.",
            )
        try:
            yield msgspec.convert(item, _KINDS[kind])
        except msgspec.ValidationError as error:
            raise InvalidValue(
                f"input[{number}] is not what it should be: {error}.",
                "Parts that can be had: input_text, input_image and output_text.",
            ) from error


def _assistant(told: list[dict[str, Any]]) -> dict[str, Any]:
    """The turn that a call belongs to: calls side by side are one turn, with the words before."""
    if not told or told[-1]["role"] != "assistant":
        told.append({"role": "assistant", "content": ""})
    return told[-1]


def _content(parts: Iterable[Part]) -> str | list[dict[str, Any]]:
    """Plain words where there are no pictures: not every engine reads parts."""
    told = [_part(part) for part in parts]
    if all(part["type"] == "text" for part in told):
        return "\n".join(part["text"] for part in told)
    return told


def _part(part: Part) -> dict[str, Any]:
    match part:
        case InputImage():
            if not part.image_url:
                raise OnlyNative("A file can't be had by its id.", "Send 'image_url'.")
            picture = {"url": part.image_url}
            return {
                "type": "image_url",
                "image_url": picture | ({"detail": part.detail} if part.detail else {}),
            }
        case Refusal():
            return {"type": "text", "text": part.refusal}
        case _:
            return {"type": "text", "text": part.text}


def _introduced(told: list[dict[str, Any]], instructions: str | None) -> list[dict[str, Any]]:
    """What a model is told at the start becomes one message: templates take no more."""
    system = [instructions] if instructions else []
    count = 0
    while count < len(told) and told[count]["role"] == "system":
        content = told[count]["content"]
        if not isinstance(content, str):
            break
        system.append(content)
        count += 1
    words = "\n".join(filter(None, system))
    return [{"role": "system", "content": words}, *told[count:]] if words else told[count:]
