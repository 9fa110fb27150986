"""A request to OpenAI's ``responses``, in the words of chat completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from mlx_manager_jupyter.errors import BadRequest, InvalidValue, UnsupportedField
from mlx_manager_jupyter.services.gateway.endpoints.responses.items import (
    OnlyNative,
    check_pictures,
    turns,
)
from mlx_manager_jupyter.services.gateway.endpoints.translated import TEMPLATE_ARGS, without_nulls
from mlx_manager_jupyter.services.gateway.fields import value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlx_manager_jupyter.services.gateway.fields import Fields


class Function(Struct):
    """A tool of the client's own."""

    type: Literal["function"]
    name: str
    parameters: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class Choice(Struct):
    """A tool that has to be used."""

    type: Literal["function"]
    name: str


class PlainFormat(Struct, tag="text"):
    """Any text."""


class ObjectFormat(Struct, tag="json_object"):
    """Any JSON object."""


class SchemaFormat(Struct, tag="json_schema"):
    """JSON of this shape."""

    name: str
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class TextConfig(Struct):
    """What the answer looks like."""

    format: PlainFormat | ObjectFormat | SchemaFormat | None = None
    verbosity: str | None = None


class Reasoning(Struct):
    """How much the model shall think. Thoughts are told in full, so no summary is needed."""

    effort: str | None = None


_TOOLS = "Only functions of your own can be had, none of OpenAI's built-in tools."

#: Chat completions, or MLX's engines there, have the same.
_SAME = {
    "max_output_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "stop": "stop",
    "repetition_penalty": "repetition_penalty",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
_READ = frozenset(
    {"model", "input", "instructions", "stream", "tools", "tool_choice", "text", "reasoning"}
    | {"parallel_tool_calls", "store", TEMPLATE_ARGS}
)
#: What changes no word of an answer here: labels, prices, caches, padding of a stream, limits of
#: tools that there are none of, and what may be cut off where nothing ever is.
DROPPED = frozenset(
    {"metadata", "user", "safety_identifier", "service_tier", "stream_options", "max_tool_calls"}
    | {"prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "truncation", "ttl"}
)
#: Values that ask for nothing: of what no engine has, and of what one with responses may have.
_NOBODYS: dict[str, tuple[object, ...]] = {
    "background": (None, False),
    "conversation": (None,),
    "prompt": (None,),
    "top_logprobs": (None, 0),
    "include": (None, [], ["reasoning.encrypted_content"]),
}
_NATIVE: dict[str, tuple[object, ...]] = {
    "previous_response_id": (None,),
    "context_management": (None, []),
}
#: Tools that mlx-vlm 0.7.10 makes functions of; it passes over all others without a word.
_CALLABLE = frozenset({"function", "shell", "apply_patch"})
_KEPT_NOWHERE = "Nothing is kept here: send the whole conversation as 'input'."
_HINTS = {
    "previous_response_id": _KEPT_NOWHERE,
    "conversation": _KEPT_NOWHERE,
    "prompt": _KEPT_NOWHERE,
    "background": "Ask for a stream, and leave it when you like.",
}


def translate(given: Fields) -> dict[str, Any]:
    """The same request, for chat completions.

    Raises:
        BadRequest: when it is malformed, or would have an engine read this machine's files.
        OnlyNative: when it can't be said in chat completions.
    """
    given = without_nulls(given)
    said = value(given, "input", str | list[dict[str, Any]] | None)
    if not said:
        raise BadRequest("'input' is missing or empty.", "Send a text, or a list of items.")
    check_pictures(said)
    _check_nobodys(given)
    _check_fields(given)
    instructions = value(given, "instructions", str | None)
    chat: dict[str, Any] = {"messages": turns(said, instructions)}
    for name, chat_name in _SAME.items():
        if value(given, name, Any) is not None:
            chat[chat_name] = given[name]
    return chat | _tools(given) | _text(given) | _template(given)


def system_is_given(given: Fields) -> bool:
    """Whether the client says who the model shall be."""
    if value(given, "instructions", str | None):
        return True
    said = value(given, "input", str | list[dict[str, Any]] | None)
    items = said if isinstance(said, list) else ()
    return any(item.get("role") in {"system", "developer"} for item in items)


def _check_nobodys(given: Fields) -> None:
    """Refuse what engines with responses of their own would pass over without a word, too."""
    for name in _asked(given, _NOBODYS):
        hint = _HINTS.get(name, "Leave it out.")
        raise UnsupportedField(f"{name!r} can't be had here.", hint)
    for tool in value(given, "tools", list[dict[str, Any]] | None) or ():
        if tool.get("type") not in _CALLABLE:
            raise UnsupportedField(f"A tool {tool.get('type')!r} can't be had here.", _TOOLS)


def _check_fields(given: Fields) -> None:
    for name in _asked(given, _NATIVE):
        hint = _HINTS.get(name, "Leave it out.")
        raise OnlyNative(f"{name!r} can't be had with this engine.", hint)
    known = _READ | _SAME.keys() | DROPPED | _NOBODYS.keys() | _NATIVE.keys()
    if unknown := sorted(given.keys() - known):
        raise OnlyNative(f"{unknown[0]!r} can't be had here.", "Leave it out.")


def _asked(given: Fields, harmless: Mapping[str, tuple[object, ...]]) -> Iterator[str]:
    return (name for name in harmless if value(given, name, Any) not in harmless[name])


def _tools(given: Fields) -> dict[str, Any]:
    try:
        tools = value(given, "tools", list[Function] | None) or []
        choice = value(given, "tool_choice", Literal["none", "auto", "required"] | Choice | None)
    except BadRequest as error:
        raise OnlyNative(error.message, _TOOLS) from error
    if not tools or choice == "none":
        return {}  # what is not told of can't be used, with any engine
    told: dict[str, Any] = {"tools": [_function(tool) for tool in tools]}
    if choice == "required":
        told["tool_choice"] = choice
    if isinstance(choice, Choice):
        if choice.name not in {tool.name for tool in tools}:
            raise InvalidValue(f"'tool_choice' names {choice.name!r}, which is none of 'tools'.")
        told["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    if value(given, "parallel_tool_calls", bool | None) is False:
        told["parallel_tool_calls"] = False
    return told


def _function(tool: Function) -> dict[str, Any]:
    known = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    function: dict[str, Any] = {key: each for key, each in known.items() if each is not None}
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _text(given: Fields) -> dict[str, Any]:
    text = value(given, "text", TextConfig | None) or TextConfig()
    if text.verbosity not in {None, "medium"}:
        raise OnlyNative("'text.verbosity' can't be had here.", "Say it in the instructions.")
    match text.format:
        case ObjectFormat():
            return {"response_format": {"type": "json_object"}}
        case SchemaFormat() as wanted:
            schema: dict[str, Any] = {"name": wanted.name, "schema": wanted.schema}
            for name in ("description", "strict"):
                if (said := getattr(wanted, name)) is not None:
                    schema[name] = said
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        case _:
            return {}


def _template(given: Fields) -> dict[str, Any]:
    """Effort goes to the chat template: one that knows none of it, leaves it."""
    effort = (value(given, "reasoning", Reasoning | None) or Reasoning()).effort
    told: dict[str, Any] = {}
    if effort:
        told["enable_thinking"] = effort != "none"
    if effort and effort != "none":
        told["reasoning_effort"] = effort
    told |= value(given, TEMPLATE_ARGS, dict[str, Any] | None) or {}
    return {TEMPLATE_ARGS: told} if told else {}
