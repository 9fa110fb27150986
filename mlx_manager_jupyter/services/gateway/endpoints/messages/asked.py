"""A request to Anthropic's ``messages``, in the words of chat completions."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.errors import BadRequest, InvalidValue, UnsupportedField
from mlx_manager_jupyter.services.gateway.endpoints.messages.blocks import (
    Image,
    Message,
    OnlyNative,
    OutputConfig,
    Text,
    ThinkingConfig,
    Tool,
    ToolChoice,
    ToolResult,
    Url,
)
from mlx_manager_jupyter.services.gateway.endpoints.messages.turns import (
    BLOCKS,
    combined,
    joined,
    text_of,
    turns,
)
from mlx_manager_jupyter.services.gateway.endpoints.translated import (
    TEMPLATE_ARGS,
    check_address,
    without_nulls,
)
from mlx_manager_jupyter.services.gateway.fields import value

if TYPE_CHECKING:
    from mlx_manager_jupyter.services.gateway.fields import Fields


_TOOLS = "Only tools of your own can be had, none that run on Anthropic's servers."

#: What has the same name, or another, and the same meaning.
_SAME = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop_sequences": "stop",
}
_READ = frozenset(
    {"model", "messages", "max_tokens", "system", "stream", "tools", "tool_choice", "thinking"}
    | {"output_config"}
)
#: What changes no word of an answer here: labels, places, prices, and what is done to save tokens.
DROPPED = frozenset(
    {"metadata", "service_tier", "cache_control", "inference_geo", "context_management", "speed"}
    | {"diagnostics", "user_profile_id", "workspace_id", "ttl"}
)


def translate(given: Fields) -> dict[str, Any]:
    """The same request, for chat completions.

    Raises:
        BadRequest: when it is malformed, or asks for what no local model has.
        OnlyNative: when it can't be said in chat completions.
    """
    given = without_nulls(given)
    messages = read_messages(given)
    check(given, messages)
    unknown = sorted(given.keys() - _READ - _SAME.keys() - DROPPED)
    if unknown:
        raise OnlyNative(f"{unknown[0]!r} can't be had here.", "Leave it out.")
    chat: dict[str, Any] = {"messages": _with_system(given, messages)}
    chat["max_tokens"] = value(given, "max_tokens", int)
    for name, chat_name in _SAME.items():
        if name in given:
            chat[chat_name] = given[name]
    chat |= _tools(given) | _output(given)
    return chat


def check(given: Fields, messages: list[Message]) -> None:
    """Refuse what every engine would misunderstand, those with ``messages`` of their own too.

    Raises:
        BadRequest: saying what.
    """
    if value(given, "max_tokens", int | None) is None:
        raise BadRequest("'max_tokens' is missing.", "Say how long the answer may be.")
    if all(message.role == "system" for message in messages):
        raise BadRequest("'messages' is missing or empty.", "Send a list of {role, content}.")
    if messages[-1].role == "assistant":
        raise UnsupportedField(
            "The last message is the assistant's, and no engine here goes on in its words.",
            "End with a message of the user.",
        )
    check_pictures(messages)


def check_pictures(messages: list[Message]) -> None:
    """Refuse addresses that are none of the web's: engines read files of this machine too.

    Raises:
        InvalidValue: naming the address.
    """
    for message in messages:
        for block in message.content if isinstance(message.content, list) else ():
            inner = block.content if isinstance(block, ToolResult) else [block]
            for part in inner if isinstance(inner, list) else ():
                if isinstance(part, Image) and isinstance(part.source, Url):
                    check_address(part.source.url)


def read_messages(given: Fields) -> list[Message]:
    """What was said so far.

    Raises:
        InvalidValue: where it is, and what can be had.
    """
    messages: list[Message] = _read(given, "messages", list[Message] | None, BLOCKS) or []
    return messages


def system_is_given(given: Fields) -> bool:
    """Whether the client says who the model shall be."""
    return bool(value(given, "system", str | list[Text] | None))


def _read(given: Fields, name: str, kind: Any, hint: str) -> Any:  # noqa: ANN401
    try:
        return value(given, name, kind)
    except BadRequest as error:
        raise InvalidValue(error.message, hint) from error


def _with_system(given: Fields, messages: list[Message]) -> list[dict[str, Any]]:
    """Those at the start become one: many templates take no more than one, and only there."""
    said = _read(given, "system", str | list[Text] | None, "Send a text, or blocks of text.")
    leading = list(takewhile(lambda message: message.role == "system", messages))
    words = "\n".join(filter(None, [joined(said or ""), *map(text_of, leading)]))
    told = [turn for message in combined(messages[len(leading) :]) for turn in turns(message)]
    return [{"role": "system", "content": words}, *told] if words else told


def _tools(given: Fields) -> dict[str, Any]:
    tools: list[Tool] = _read(given, "tools", list[Tool] | None, _TOOLS) or []
    choice = value(given, "tool_choice", ToolChoice | None)
    if not tools or (choice and choice.type == "none"):
        return {}  # what is not told of can't be used, with any engine
    told: dict[str, Any] = {"tools": [_function(tool) for tool in tools]}
    if choice and choice.type == "any":
        told["tool_choice"] = "required"
    if choice and choice.type == "tool":
        if choice.name not in {tool.name for tool in tools}:
            raise InvalidValue(f"'tool_choice' names {choice.name!r}, which is none of 'tools'.")
        told["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    if choice and choice.disable_parallel_tool_use:
        told["parallel_tool_calls"] = False
    return told


def _function(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.input_schema,
    }
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _output(given: Fields) -> dict[str, Any]:
    """Thoughts and form of the answer."""
    told: dict[str, Any] = {}
    template: dict[str, Any] = {}
    if thinking := value(given, "thinking", ThinkingConfig | None):
        template["enable_thinking"] = thinking.type != "disabled"
    if output := value(given, "output_config", OutputConfig | None):
        if output.effort:
            template["reasoning_effort"] = output.effort
        if output.format:
            schema = {"name": "answer", "schema": output.format.schema}
            told["response_format"] = {"type": "json_schema", "json_schema": schema}
    return told | ({TEMPLATE_ARGS: template} if template else {})
