"""The same questions in the words of OpenAI's responses and Anthropic's messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.fixtures import able

if TYPE_CHECKING:
    from anthropic.types import Message

    from tests.conformance.places import Target

YES = "yes"
QUESTION = "How is the weather in Paris?"
ASK: list[Any] = [{"role": "user", "content": QUESTION}]
FUNCTIONS: list[Any] = [{"type": "function", **able.TOOL["function"]}]
CLAUDES: list[Any] = [
    {
        "name": able.TOOL_NAME,
        "description": able.TOOL["function"]["description"],
        "input_schema": able.TOOL["function"]["parameters"],
    }
]


def responses(target: Target) -> str:
    answer = target.openai.responses.create(model=target.name(), input=QUESTION)
    assert answer.model == target.name()
    assert answer.output_text.strip() == able.SAYS
    assert answer.usage
    assert answer.usage.output_tokens > 0
    return YES


def responses_stream(target: Target) -> str:
    with target.openai.responses.stream(model=target.name(), input=QUESTION) as stream:
        kinds = [event.type for event in stream]
        assert stream.get_final_response().output_text.strip() == able.SAYS
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    return YES


def responses_tools(target: Target) -> str:
    ask = target.openai.responses.create
    first = ask(model=target.name(), input=ASK, tools=FUNCTIONS)
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert call.name == able.TOOL_NAME
    assert json.loads(call.arguments) == able.ARGUMENTS
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "clear"}
    said: list[Any] = [*ASK, *(item.to_dict() for item in first.output), result]
    second = ask(model=target.name(), input=said, tools=FUNCTIONS)
    assert second.output_text.strip() == able.SAYS
    return YES


def messages(target: Target) -> str:
    answer = target.anthropic.messages.create(model=target.name(), messages=ASK, max_tokens=64)
    assert answer.model == target.name()
    assert text_of(answer) == able.SAYS
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens > 0
    return YES


def messages_stream(target: Target) -> str:
    with target.anthropic.messages.stream(
        model=target.name(), messages=ASK, max_tokens=64
    ) as stream:
        assert text_of(stream.get_final_message()) == able.SAYS
    return YES


def messages_tools(target: Target) -> str:
    ask = target.anthropic.messages.create
    first = ask(model=target.name(), messages=ASK, max_tokens=64, tools=CLAUDES)
    assert first.stop_reason == "tool_use"
    (call,) = [block for block in first.content if block.type == "tool_use"]
    assert (call.name, call.input) == (able.TOOL_NAME, able.ARGUMENTS)
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "clear"}
    turns: list[Any] = [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    second = ask(model=target.name(), messages=[*ASK, *turns], max_tokens=64, tools=CLAUDES)
    assert text_of(second) == able.SAYS
    return YES


def text_of(message: Message) -> str:
    """All that it says."""
    return "".join(block.text for block in message.content if block.type == "text").strip()
