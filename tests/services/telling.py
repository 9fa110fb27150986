"""What the tests of translated endpoints share: requests as they come, answers as engines send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from mlx_manager_jupyter.services.gateway.endpoints.events import Event
    from mlx_manager_jupyter.services.gateway.endpoints.telling import Teller

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}}


def fields(**values: Any) -> dict[str, msgspec.Raw]:
    """A body whose fields were read, but not what is in them."""
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in values.items()}


def plain(chat: dict[str, Any]) -> dict[str, Any]:
    """What was made of it, for people."""
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(chat))
    return decoded


def delta(finish: str | None = None, **said: Any) -> dict[str, Any]:
    """A chunk."""
    choice = {"index": 0, "delta": {"role": "assistant", **said}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "choices": [choice]}


def call(
    index: int | None, arguments: Any, known: str | None = None, name: str | None = None
) -> Any:
    """A chunk with a call, or a piece of one."""
    function = {"arguments": arguments} | ({"name": name} if name else {})
    part = {"type": "function", "function": function} | ({"id": known} if known else {})
    return delta(tool_calls=[part | ({} if index is None else {"index": index})])


def usage(prompt: int, answer: int, cached: int = 0) -> dict[str, Any]:
    """The last chunk."""
    said = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    return {"choices": [], "usage": said | {"prompt_tokens_details": {"cached_tokens": cached}}}


def told(teller: Teller, *chunks: dict[str, Any]) -> list[Event]:
    """All events of an answer. Each is a copy: a teller goes on with its own."""
    events = [plain(event) for chunk in chunks for event in teller.chunk(chunk)]
    return events + [plain(event) for event in teller.last()]
