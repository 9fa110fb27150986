"""A whole answer put together from a stream, in the shapes that engines really send."""

from __future__ import annotations

import json
from typing import Any

from mlx_manager_jupyter.services.gateway.completion import Aggregate, TextAggregate


def whole(*chunks: dict[str, Any] | str) -> dict[str, Any]:
    aggregate = Aggregate("asked")
    for chunk in chunks:
        text = chunk if isinstance(chunk, str) else f"data: {json.dumps(chunk)}"
        aggregate.add(text.encode())
    return aggregate.completion()


def delta(finish: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": {"role": "assistant", **fields}, "finish_reason": finish}
    return {"id": "c1", "created": 7, "model": "default_model", "choices": [choice]}


def test_text_reasoning_and_usage() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    answer = whole(
        ": keepalive 1/2",
        delta(reasoning="Let me "),
        delta(reasoning="see."),
        delta(content="Par"),
        delta(content="is", finish="stop"),
        {"id": "c1", "choices": [], "usage": usage},
        "data: [DONE]",
    )
    (choice,) = answer["choices"]
    assert choice["message"] == {
        "role": "assistant",
        "content": "Paris",
        "reasoning": "Let me see.",
    }
    assert choice["finish_reason"] == "stop"
    assert answer["usage"] == usage
    assert (answer["model"], answer["id"], answer["object"]) == ("asked", "c1", "chat.completion")


def test_an_empty_answer_has_null_content() -> None:
    (choice,) = whole(delta(finish="length"), "data: [DONE]")["choices"]
    assert choice["message"]["content"] is None
    assert choice["finish_reason"] == "length"


def test_tool_calls_come_whole_or_in_pieces() -> None:
    first = {"id": "a", "index": 0, "function": {"name": "f", "arguments": '{"x":'}}
    rest = {"index": 0, "function": {"arguments": "1}"}}
    other = {"id": "b", "index": 1, "function": {"name": "g", "arguments": "{}"}}
    answer = whole(
        delta(tool_calls=[first]),
        delta(tool_calls=[rest]),
        delta(tool_calls=[other], finish="tool_calls"),
    )
    calls = answer["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == ['{"x":1}', "{}"]
    assert not any("index" in call for call in calls), "OpenAI has it in streams alone"


def test_choices_are_kept_apart() -> None:
    answer = whole(
        delta(index=1, content="b"), delta(index=0, content="a"), delta(index=1, content="B")
    )
    assert [choice["message"]["content"] for choice in answer["choices"]] == ["a", "bB"]


def test_a_text_that_goes_on_with_what_its_tokens_were_worth() -> None:
    aggregate = TextAggregate("asked")
    for index, text, finish in ((0, "Par", None), (1, "Rome", "length"), (0, "is", "stop")):
        worth = {"tokens": [text], "token_logprobs": [-1.0]} if index == 0 else None
        choice = {"index": index, "text": text, "finish_reason": finish, "logprobs": worth}
        chunk = {"id": "c1", "object": "text_completion", "choices": [choice]}
        aggregate.add(f"data: {json.dumps(chunk)}".encode())
    aggregate.add(b"data: [DONE]")
    answer = aggregate.completion()
    assert (answer["object"], answer["model"], answer["id"]) == ("text_completion", "asked", "c1")
    one, other = answer["choices"]
    assert (one["text"], one["finish_reason"]) == ("Paris", "stop")
    assert one["logprobs"] == {"tokens": ["Par", "is"], "token_logprobs": [-1.0, -1.0]}
    assert (other["text"], other["finish_reason"], other["logprobs"]) == ("Rome", "length", None)
