"""OpenAI's responses in the words of chat completions, and their answers back."""

from __future__ import annotations

from typing import Any

import pytest

from mlx_manager_jupyter.errors import BadRequest, UpstreamFailed
from mlx_manager_jupyter.services.gateway.endpoints.responses.asked import (
    system_is_given,
    translate,
)
from mlx_manager_jupyter.services.gateway.endpoints.responses.items import OnlyNative
from mlx_manager_jupyter.services.gateway.endpoints.responses.told import ResponseTeller
from tests.services.telling import WEATHER, call, delta, fields, plain, told, usage

USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}
PNG = "data:image/png;base64,AAAA"


def chat(**values: Any) -> dict[str, Any]:
    return plain(translate(fields(**{"model": "m", "input": "hi"} | values)))


def messages(*items: dict[str, Any], **values: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = chat(input=list(items), **values)["messages"]
    return made


def teller(**given: Any) -> ResponseTeller:
    return ResponseTeller("asked", fields(**given))


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_a_text_and_instructions() -> None:
    assert chat() == {"messages": [USER]}
    made = chat(instructions="Be terse.", max_output_tokens=9, temperature=0.5, top_p=0.9, seed=1)
    assert made == {
        "messages": [{"role": "system", "content": "Be terse."}, USER],
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 1,
    }
    assert system_is_given(fields(input="hi", instructions="x"))
    assert system_is_given(fields(input=[{"role": "developer", "content": "x"}, USER]))
    assert not system_is_given(fields(input=[USER]))


def test_what_changes_no_word_is_dropped() -> None:
    harmless = {
        "metadata": {"a": "b"},
        "store": True,
        "background": False,
        "previous_response_id": None,
        "truncation": "auto",
        "include": ["reasoning.encrypted_content"],
        "stream_options": {"include_obfuscation": False},
        "service_tier": "auto",
        "parallel_tool_calls": True,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
    }
    assert chat(**harmless) == chat()


def test_what_a_model_is_told_at_the_start_is_one_message() -> None:
    developer = {"role": "developer", "content": [{"type": "input_text", "text": "Be kind."}]}
    late = {"role": "system", "content": "Now be long."}
    assert messages(developer, USER, late, USER, instructions="Be terse.") == [
        {"role": "system", "content": "Be terse.\nBe kind."},
        USER,
        late,
        USER,
    ]


def test_parts_of_a_message() -> None:
    parts = [
        {"type": "input_text", "text": "What is"},
        {"type": "input_image", "image_url": PNG, "detail": "low"},
    ]
    assert messages({"type": "message", "role": "user", "content": parts}) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is"},
                {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
            ],
        }
    ]
    twice = [parts[0], {"type": "input_text", "text": "this?"}]
    assert messages({"role": "user", "content": twice}) == [
        {"role": "user", "content": "What is\nthis?"}
    ]


def test_a_loop_of_tools() -> None:
    reasoning = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "A city."}],
    }
    said = {
        "type": "message",
        "id": "msg_1",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Let me look.", "annotations": []}],
    }
    calls = [
        {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "b", "name": "g", "arguments": "{}"},
    ]
    results: list[dict[str, Any]] = [
        {"type": "function_call_output", "call_id": "a", "output": "sunny"},
        {
            "type": "function_call_output",
            "call_id": "b",
            "output": [{"type": "input_text", "text": "noon"}],
        },
    ]
    functions = [
        {"id": known, "type": "function", "function": {"name": name, "arguments": "{}"}}
        for known, name in (("a", "f"), ("b", "g"))
    ]
    tools = [
        {"role": "tool", "tool_call_id": "a", "content": "sunny"},
        {"role": "tool", "tool_call_id": "b", "content": "noon"},
    ]
    assert messages(USER, reasoning, said, *calls, *results) == [
        USER,
        {
            "role": "assistant",
            "content": "Let me look.",
            "reasoning_content": "A city.",
            "tool_calls": functions,
        },
        *tools,
    ]
    assert messages(USER, reasoning, *calls, *results) == [
        USER,
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "A city.",
            "tool_calls": functions,
        },
        *tools,
    ]
    hidden = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "xx"}
    assert messages(USER, hidden, said)[1] == {"role": "assistant", "content": "Let me look."}


def test_tools_and_whether_they_have_to_be_used() -> None:
    function = {"name": "get_weather", "parameters": WEATHER, "strict": True}
    told_of = {"tools": [{"type": "function", "function": function}]}
    named = {"type": "function", "function": {"name": "get_weather"}}
    for choice, more in (
        (None, told_of),
        ("auto", told_of),
        ("required", told_of | {"tool_choice": "required"}),
        ({"type": "function", "name": "get_weather"}, told_of | {"tool_choice": named}),
        ("none", {}),
    ):
        assert chat(tools=[TOOL], tool_choice=choice) == chat() | more
    assert chat(tools=[TOOL], parallel_tool_calls=False)["parallel_tool_calls"] is False


def test_form_and_effort() -> None:
    schema = {"type": "json_schema", "name": "w", "schema": WEATHER, "strict": True}
    assert chat(text={"format": schema})["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "w", "schema": WEATHER, "strict": True},
    }
    assert chat(text={"format": {"type": "json_object"}})["response_format"] == {
        "type": "json_object"
    }
    assert chat(reasoning={"effort": "low", "summary": "auto"})["chat_template_kwargs"] == {
        "enable_thinking": True,
        "reasoning_effort": "low",
    }
    off = {"enable_thinking": False}
    assert chat(reasoning={"effort": "none"})["chat_template_kwargs"] == off
    assert chat(chat_template_kwargs=off)["chat_template_kwargs"] == off
    assert "chat_template_kwargs" not in chat(reasoning={"effort": None})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"input": None}, "missing or empty"),
        ({"input": []}, "missing or empty"),
        ({"input": 3}, "input"),
        ({"input": [{"role": "robot", "content": "hi"}]}, r"input\[0\]"),
        ({"input": [{"role": "user"}]}, r"input\[0\]"),
        ({"input": [{"type": "function_call", "name": "f"}]}, r"input\[0\]"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "x"}}, "none of 'tools'"),
        ({"text": {"format": {"type": "xml"}}}, "text"),
        ({"conversation": "conv_1"}, "whole conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"tools": [{"type": "web_search"}]}, "built-in"),
        ({"tools": [TOOL, {"type": "mcp", "server_url": "https://x"}]}, "built-in"),
    ],
)
def test_what_is_wrong_is_told_with_any_engine(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=words) as caught:
        chat(**wrong)
    assert not isinstance(caught.value, OnlyNative)


@pytest.mark.parametrize("url", ["/etc/passwd", "file:///etc/passwd", "secret.png"])
def test_no_engine_is_told_to_read_a_file(url: str) -> None:
    part = {"type": "input_image", "image_url": url}
    for item in (
        {"role": "user", "content": [part]},
        {"type": "function_call_output", "call_id": "a", "output": [part]},
        {"type": "something new", "content": [{"image_url": {"url": url}}]},
    ):
        with pytest.raises(BadRequest, match="no address") as caught:
            messages(item)
        assert not isinstance(caught.value, OnlyNative)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"previous_response_id": "resp_1"}, "whole conversation"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"tools": [{"type": "shell"}]}, "built-in"),
        ({"tools": [TOOL], "tool_choice": {"type": "web_search"}}, "built-in"),
        ({"text": {"verbosity": "low"}}, "verbosity"),
        ({"wizardry": 1}, "wizardry"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "item_reference"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}, "id"),
        (
            {
                "input": [
                    {
                        "type": "function_call_output",
                        "call_id": "a",
                        "output": [{"type": "input_image", "image_url": PNG}],
                    }
                ]
            },
            "picture",
        ),
    ],
)
def test_what_chat_completions_lack_is_left_to_engines_that_have_responses(
    extra: dict[str, Any], words: str
) -> None:
    with pytest.raises(OnlyNative, match=words):
        chat(**extra)


def test_events_come_in_the_official_order_and_are_numbered() -> None:
    events = told(
        teller(instructions="Be terse.", metadata={"a": "b"}),
        delta(reasoning="Let me "),
        delta(reasoning="see."),
        delta(content="Par"),
        delta(content="is."),
        call(0, "", "c1", "get_weather"),
        call(0, '{"city":'),
        call(0, ' "Paris"}'),
        delta("tool_calls"),
        usage(10, 5, cached=3),
    )
    assert types(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["output_index"] for event in events if "output_index" in event] == (
        [0] * 7 + [1] * 7 + [2] * 5
    )
    begun, final = events[0]["response"], events[-1]["response"]
    assert (begun["status"], begun["output"], begun["usage"]) == ("in_progress", [], None)
    assert final["id"] == begun["id"]
    assert final["id"].startswith("resp_")
    assert (final["status"], final["model"], final["store"]) == ("completed", "asked", False)
    assert (final["instructions"], final["metadata"]) == ("Be terse.", {"a": "b"})
    thought, message, called = final["output"]
    assert thought["content"] == [{"type": "reasoning_text", "text": "Let me see."}]
    assert message["content"][0]["text"] == "Paris."
    assert (called["call_id"], called["arguments"]) == ("c1", '{"city": "Paris"}')
    done = [event["item"] for event in events if event["type"].endswith("item.done")]
    assert final["output"] == done
    assert {item["status"] for item in done} == {"completed"}
    assert final["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 15,
    }


def test_whole_calls_are_items_of_their_own() -> None:
    chunks = (call(0, "{}", "a", "f"), call(1, "", "b", "g"), delta("tool_calls"))
    final = told(teller(), *chunks)[-1]["response"]
    assert [(item["call_id"], item["arguments"]) for item in final["output"]] == [
        ("a", "{}"),
        ("b", "{}"),
    ]


def test_a_cut_answer_is_incomplete() -> None:
    events = told(teller(), delta(content="Par"), delta("length"), usage(1, 1))
    assert events[-1]["type"] == "response.incomplete"
    final = events[-1]["response"]
    assert final["incomplete_details"] == {"reason": "max_output_tokens"}
    assert [item["status"] for item in final["output"]] == ["incomplete"]


def test_an_answer_without_words() -> None:
    final = told(teller(), delta("stop"))[-1]["response"]
    assert (final["output"], final["usage"]) == ([], None)


def test_a_broken_answer_has_failed_and_makes_the_official_client_raise() -> None:
    broken = teller()
    list(broken.chunk(delta(content="Par")))
    failed, error = broken.failed(UpstreamFailed("It went away."))
    assert failed["type"] == "response.failed"
    assert failed["response"]["error"] == {"code": "server_error", "message": "It went away."}
    assert error["type"] == "error"
    assert error["message"] == error["error"]["message"] == "It went away."
    assert error["sequence_number"] == failed["sequence_number"] + 1
    (only,) = teller().failed(UpstreamFailed("It never came."))
    assert only["type"] == "error"
