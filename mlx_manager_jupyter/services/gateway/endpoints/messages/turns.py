"""One message of Anthropic's, in the words of chat completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import InvalidValue
from mlx_manager_jupyter.services.gateway.endpoints.messages.blocks import (
    Base64,
    Image,
    Message,
    OnlyNative,
    Redacted,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)

if TYPE_CHECKING:
    from msgspec import Struct

BLOCKS = "Blocks that can be had: text, image, thinking, tool_use and tool_result."


def combined(messages: list[Message]) -> list[Message]:
    """Messages of one role side by side are one turn, says Anthropic, and many templates demand."""
    made: list[Message] = []
    for message in messages:
        if made and made[-1].role == message.role != "system":
            made[-1] = Message(message.role, [*_blocks(made[-1]), *_blocks(message)])
        else:
            made.append(message)
    return made


def _blocks(message: Message) -> list[Any]:
    return [Text(message.content)] if isinstance(message.content, str) else message.content


def turns(message: Message) -> list[dict[str, Any]]:
    """One message, as the messages of chat completions that it becomes.

    Raises:
        InvalidValue: for a block that the role can't say.
        OnlyNative: for one that chat completions have no words for.
    """
    if message.role == "system":
        return [{"role": "system", "content": text_of(message)}]
    if isinstance(message.content, str):
        return [{"role": message.role, "content": message.content}]
    if message.role == "assistant":
        return [_assistants(message.content)]
    results, parts = [], []
    for block in message.content:
        match block:
            case ToolResult():
                results.append(_result(block))
            case Text() | Image():
                parts.append(block)
            case _:
                raise _misplaced(block, "user")
    said = [{"role": "user", "content": _content(parts)}] if parts or not results else []
    return [*results, *said]  # templates want results right behind their calls


def _assistants(content: list[Any]) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": "assistant", "content": ""}
    thoughts, texts, calls = [], [], []
    for block in content:
        match block:
            case Text():
                texts.append(block)
            case Thinking():
                thoughts.append(block.thinking)
            case ToolUse():
                arguments = msgspec.json.encode(block.input).decode()
                function = {"name": block.name, "arguments": arguments}
                calls.append({"id": block.id, "type": "function", "function": function})
            case Redacted():
                pass
            case _:
                raise _misplaced(block, "assistant")
    turn["content"] = joined(texts)
    if thoughts:
        turn["reasoning_content"] = "\n".join(thoughts)
    if calls:
        turn["tool_calls"] = calls
    return turn


def _result(block: ToolResult) -> dict[str, Any]:
    parts = [Text(block.content)] if isinstance(block.content, str) else block.content
    if any(isinstance(part, Image) for part in parts):
        raise OnlyNative(
            "A picture in a tool's result can't be had with this engine.",
            "Send it in a message of the user.",
        )
    said = _content(parts)
    # Chat completions have no mark for it, so the model is told in words.
    said = f"Error: {said}" if block.is_error else said
    return {"role": "tool", "tool_call_id": block.tool_use_id, "content": said}


def _content(parts: list[Any]) -> str | list[dict[str, Any]]:
    """Plain words where there are no pictures: not every engine reads parts."""
    if not any(isinstance(part, Image) for part in parts):
        return joined(parts)
    return [_picture(part) if isinstance(part, Image) else _words(part) for part in parts]


def _words(part: Text) -> dict[str, Any]:
    return {"type": "text", "text": part.text}


def _picture(part: Image) -> dict[str, Any]:
    source = part.source
    if isinstance(source, Base64):
        url = f"data:{source.media_type};base64,{source.data}"
    else:
        url = source.url
    return {"type": "image_url", "image_url": {"url": url}}


def joined(said: str | list[Any]) -> str:
    """Blocks as lines, as mlx-vlm joins them itself."""
    return said if isinstance(said, str) else "\n".join(part.text for part in said)


def text_of(message: Message) -> str:
    """The words of a message that has nothing else.

    Raises:
        InvalidValue: when it has.
    """
    if isinstance(message.content, str):
        return message.content
    for block in message.content:
        if not isinstance(block, Text):
            raise _misplaced(block, message.role)
    return joined(message.content)


def _misplaced(block: Struct, role: str) -> InvalidValue:
    return InvalidValue(f"A block {block.__struct_config__.tag!r} can't be the {role}'s.", BLOCKS)
