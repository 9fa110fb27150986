"""Three questions that prove what a running model can do, and what their answers mean. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from mlx_manager_jupyter.schema import ProbeFinding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Small models think long about little; more would only take more time.
MOST_TOKENS = 768

_TOOL = "get_weather"
_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["city", "population"],
    "additionalProperties": False,
}
#: What notations of thoughts and calls begin with, where no parser took them out.
_RAW_THOUGHTS = ("<think>", "</think>", "<|channel", "[THINK]", "<seed:think>")
_RAW_CALLS = ("<tool_call>", "<|tool_call", "<function=", "[TOOL_CALLS]", "<start_function_call>")


class Question(NamedTuple):
    """What is asked, and how the answer is judged."""

    what: Literal["tools", "reasoning", "schema"]
    body: Mapping[str, Any]
    judge: Callable[[Mapping[str, Any]], tuple[bool, str]]
    proves: tuple[str, ...]
    """Fields of the profile that work as they are if the answer is right."""

    def finding(self, message: Mapping[str, Any]) -> ProbeFinding:
        """What the answer's message means."""
        works, detail = self.judge(message)
        return ProbeFinding(what=self.what, works=works, detail=detail)


def _ask(text: str, **more: Any) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": text}],
        "max_tokens": MOST_TOKENS,
        "temperature": 0.0,
        **more,
    }


def _calls(message: Mapping[str, Any]) -> tuple[bool, str]:
    text = message.get("content") or ""
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        given = _json(function.get("arguments"))
        if function.get("name") == _TOOL and isinstance(given, dict) and "city" in given:
            return True, f"called {_TOOL}({given['city']!r})"
        return False, "called something else than the tool that it was given"
    if any(mark in text for mark in _RAW_CALLS):
        return False, "the call came as text: the parser does not read it"
    return False, "answered without calling the tool"


def _thinks(message: Mapping[str, Any]) -> tuple[bool, str]:
    text = message.get("content") or ""
    if any(mark in text for mark in _RAW_THOUGHTS):
        return False, "the thoughts came as text: the parser does not read them"
    if message.get("reasoning") or message.get("reasoning_content"):
        return True, "thoughts came apart from the answer"
    return False, "answered without thinking"


def _follows(message: Mapping[str, Any]) -> tuple[bool, str]:
    told = _json(message.get("content"))
    if not isinstance(told, dict):
        return False, "the answer is no JSON object"
    try:
        msgspec.convert(told, _City)
    except msgspec.ValidationError as error:
        return False, f"the answer is JSON, but not as asked: {error}"
    return True, "the answer follows the schema"


class _City(msgspec.Struct, forbid_unknown_fields=True):
    city: str
    population: int


def _json(text: object) -> object:
    try:
        return msgspec.json.decode(text) if isinstance(text, str | bytes) else None
    except msgspec.DecodeError:
        return None


QUESTIONS = (
    Question(
        "tools",
        _ask(
            "What is the weather in Paris? Call the tool.",
            tools=[
                {
                    "type": "function",
                    "function": {
                        "name": _TOOL,
                        "description": "The weather in a city.",
                        "parameters": {
                            "type": "object",
                            "properties": {"city": {"type": "string"}},
                            "required": ["city"],
                        },
                    },
                }
            ],
        ),
        _calls,
        ("tool_call_parser", "enable_auto_tool_choice", "message_converter"),
    ),
    Question(
        "reasoning",
        _ask("What is 17 times 23? Think step by step before you answer."),
        _thinks,
        ("reasoning_parser",),
    ),
    Question(
        "schema",
        _ask(
            "Name the capital of France and its population, as JSON with 'city' and 'population'.",
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "city", "schema": _SCHEMA, "strict": True},
            },
        ),
        _follows,
        (),
    ),
)
