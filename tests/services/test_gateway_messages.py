"""Anthropic's messages in the words of chat completions, and their answers back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.errors import (
    BadRequest,
    Forbidden,
    MLXManagerError,
    NotFound,
    NotOffered,
    NotReady,
    QueueFull,
    TooManyRequests,
    Unauthorized,
    UpstreamFailed,
)
from mlx_manager_jupyter.services.gateway import problem_of
from mlx_manager_jupyter.services.gateway.endpoints.events import Failures
from mlx_manager_jupyter.services.gateway.endpoints.messages import MessagesRequest
from mlx_manager_jupyter.services.gateway.endpoints.messages.asked import translate
from mlx_manager_jupyter.services.gateway.endpoints.messages.blocks import OnlyNative
from mlx_manager_jupyter.services.gateway.endpoints.messages.stops import Stops
from mlx_manager_jupyter.services.gateway.endpoints.messages.told import MessageTeller
from mlx_manager_jupyter.services.gateway.endpoints.messages.whole import WholeMessage
from tests.services.telling import WEATHER, call, delta, fields, plain, told, usage

if TYPE_CHECKING:
    from collections.abc import Iterator

ASK = [{"role": "user", "content": "hi"}]
TOOL = {"name": "get_weather", "description": "Of a city", "input_schema": WEATHER}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}


def chat(**values: Any) -> dict[str, Any]:
    return plain(translate(fields(**{"model": "m", "max_tokens": 9, "messages": ASK} | values)))


def messages(*said: dict[str, Any], **values: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = chat(messages=list(said), **values)["messages"]
    return made


def teller(*stops: str, thoughts: bool = True) -> MessageTeller:
    return MessageTeller("asked", stops, thoughts=thoughts)


def whole(events: list[dict[str, Any]]) -> dict[str, Any]:
    message = WholeMessage()
    for event in events:
        message.add(event)
    return message.message()


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_plain_words_and_sampling() -> None:
    assert chat(temperature=0.5, top_p=0.9, top_k=3, stop_sequences=["x"], stream=True) == {
        "messages": ASK,
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "stop": ["x"],
    }


def test_what_changes_no_word_is_dropped() -> None:
    assert chat(metadata={"user_id": "u"}, service_tier="auto", tools=None) == chat()


def test_the_system_is_one_message_at_the_start() -> None:
    blocks = [
        {"type": "text", "text": "Be terse.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Be kind."},
    ]
    late = {"role": "system", "content": "Now be long."}
    early = {"role": "system", "content": [{"type": "text", "text": "Be quick."}]}
    assert messages(*ASK, system="Be terse.") == [
        {"role": "system", "content": "Be terse."},
        *ASK,
    ]
    assert messages(early, *ASK, late, *ASK, system=blocks) == [
        {"role": "system", "content": "Be terse.\nBe kind.\nBe quick."},
        *ASK,
        late,
        *ASK,
    ]


def test_blocks_of_text_are_plain_words_and_pictures_are_parts() -> None:
    words = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    there = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}
    assert messages({"role": "user", "content": words}) == [{"role": "user", "content": "one\ntwo"}]
    (seen,) = messages({"role": "user", "content": [PNG, words[0], there]})
    assert seen["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "text", "text": "one"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
    ]


def test_messages_of_one_role_side_by_side_are_one_turn() -> None:
    more = {"role": "user", "content": [{"type": "text", "text": "there"}]}
    assert messages(*ASK, more, {"role": "assistant", "content": "yes"}, *ASK) == [
        {"role": "user", "content": "hi\nthere"},
        {"role": "assistant", "content": "yes"},
        *ASK,
    ]


def test_a_loop_of_tools() -> None:
    thought = {"type": "thinking", "thinking": "A city.", "signature": "s"}
    calls = [
        {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "Paris"}},
        {"type": "tool_use", "id": "t2", "name": "get_time", "input": {}},
    ]
    results = [
        {"type": "tool_result", "tool_use_id": "t1", "content": "sunny"},
        {
            "type": "tool_result",
            "tool_use_id": "t2",
            "content": [{"type": "text", "text": "no clock"}],
            "is_error": True,
        },
        {"type": "text", "text": "Go on."},
    ]
    hidden = {"type": "redacted_thinking", "data": "xx"}
    said = {"type": "text", "text": "Let me look."}
    assert messages(
        *ASK,
        {"role": "assistant", "content": [hidden, thought, said, *calls]},
        {"role": "user", "content": results},
    )[1:] == [
        {
            "role": "assistant",
            "content": "Let me look.",
            "reasoning_content": "A city.",
            "tool_calls": [
                {
                    "id": "t1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
                },
                {
                    "id": "t2",
                    "type": "function",
                    "function": {"name": "get_time", "arguments": "{}"},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "t2", "content": "Error: no clock"},
        {"role": "user", "content": "Go on."},
    ]


def test_tools_and_whether_they_have_to_be_used() -> None:
    function = {"name": "get_weather", "description": "Of a city", "parameters": WEATHER}
    told_of = {"tools": [{"type": "function", "function": function}]}
    named = {"type": "function", "function": {"name": "get_weather"}}
    for choice, more in (
        (None, told_of),
        ({"type": "auto"}, told_of),
        ({"type": "any"}, told_of | {"tool_choice": "required"}),
        ({"type": "tool", "name": "get_weather"}, told_of | {"tool_choice": named}),
        (
            {"type": "auto", "disable_parallel_tool_use": True},
            told_of | {"parallel_tool_calls": False},
        ),
        ({"type": "none"}, {}),
    ):
        assert chat(tools=[TOOL | {"type": "custom"}], tool_choice=choice) == chat() | more


def test_thoughts_and_form() -> None:
    for kind, wanted in (("enabled", True), ("adaptive", True), ("disabled", False)):
        made = chat(thinking={"type": kind, "budget_tokens": 1024})
        assert made["chat_template_kwargs"] == {"enable_thinking": wanted}
    output = {"effort": "low", "format": {"type": "json_schema", "schema": WEATHER}}
    made = chat(output_config=output)
    assert made["chat_template_kwargs"] == {"reasoning_effort": "low"}
    assert made["response_format"]["json_schema"]["schema"] == WEATHER


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"messages": []}, "missing or empty"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, r"\$\[0\].role"),
        ({"messages": [*ASK, {"role": "assistant", "content": "The"}]}, "assistant's"),
        ({"messages": [{"role": "system", "content": "hi"}]}, "missing or empty"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "Anthropic's servers"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}}, "none of 'tools'"),
        ({"tool_choice": {"type": "some"}}, "tool_choice"),
        ({"thinking": {"type": "much"}}, "thinking"),
        ({"system": [PNG]}, "system"),
    ],
)
def test_what_is_wrong_is_told(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=words) as caught:
        chat(**wrong)
    assert not isinstance(caught.value, OnlyNative)


@pytest.mark.parametrize(
    ("role", "block", "words"),
    [
        ("user", {"type": "document", "source": {"type": "text", "data": "x"}}, "document"),
        ("user", {"type": "search_result", "content": []}, "search_result"),
        ("user", {"type": "tool_use", "id": "t", "name": "n", "input": {}}, "can't be the user's"),
        ("user", {"type": "thinking", "thinking": "hm"}, "can't be the user's"),
        ("assistant", PNG, "can't be the assistant's"),
        ("user", {"type": "image", "source": {"type": "file", "file_id": "f"}}, "file"),
        ("user", {"type": "image", "source": {"type": "url", "url": "/etc/passwd"}}, "no address"),
        ("user", {"type": "image", "source": {"type": "url", "url": "file:///x"}}, "no address"),
        (
            "user",
            {
                "type": "tool_result",
                "tool_use_id": "t",
                "content": [{"type": "image", "source": {"type": "url", "url": "/x.png"}}],
            },
            "no address",
        ),
    ],
)
def test_blocks_that_nobody_can_have(role: str, block: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=words) as caught:
        messages({"role": role, "content": [block]}, *ASK)
    assert not isinstance(caught.value, OnlyNative)


@pytest.mark.parametrize("extra", [{"container": "c"}, {"mcp_servers": []}, {"seed": 3}])
def test_what_chat_completions_lack_is_left_to_engines_that_have_messages(
    extra: dict[str, Any],
) -> None:
    with pytest.raises(OnlyNative, match=next(iter(extra))):
        chat(**extra)
    result = {"type": "tool_result", "tool_use_id": "t", "content": [PNG]}
    with pytest.raises(OnlyNative, match="picture"):
        messages({"role": "user", "content": [result]})


def test_thoughts_words_and_counts_come_in_order() -> None:
    events = told(
        teller(),
        delta(reasoning="Let me ", reasoning_content="Let me "),
        delta(reasoning="see."),
        delta(content="Par"),
        delta(content="is."),
        delta("stop"),
        usage(10, 4, cached=3),
    )
    assert types(events) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert [event["index"] for event in events if "index" in event] == [0, 0, 0, 0, 1, 1, 1, 1]
    message = whole(events)
    assert message["id"].startswith("msg_")
    assert (message["model"], message["role"], message["type"]) == ("asked", "assistant", "message")
    assert message["content"] == [
        {"type": "thinking", "thinking": "Let me see.", "signature": ""},
        {"type": "text", "text": "Paris."},
    ]
    assert message["usage"] == {
        "input_tokens": 7,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 3,
        "output_tokens": 4,
    }


def test_thoughts_that_were_not_wanted_are_not_told() -> None:
    message = whole(told(teller(thoughts=False), delta(reasoning="hm"), delta(content="Yes.")))
    assert message["content"] == [{"type": "text", "text": "Yes."}]


@pytest.mark.parametrize(
    "chunks",
    [
        # mlx-lm: whole calls
        (
            call(0, '{"city": "Paris"}', "a", "get_weather"),
            call(1, "{}", "b", "get_time"),
            delta("tool_calls"),
        ),
        # whole calls without an index, arguments that are no text, and the wrong reason
        (
            call(None, {"city": "Paris"}, "a", "get_weather"),
            call(None, "", "b", "get_time"),
            delta("stop"),
        ),
        # pieces, as OpenAI sends them
        (
            call(0, "", "a", "get_weather"),
            call(0, '{"ci'),
            call(0, 'ty": "Paris"}'),
            call(1, "", "b", "get_time"),
            call(1, "{}"),
            delta("tool_calls"),
        ),
        # the id again with each piece
        (
            call(0, '{"city":', "a", "get_weather"),
            call(0, ' "Paris"}', "a"),
            call(1, "{}", "b", "get_time"),
            delta("tool_calls"),
        ),
    ],
)
def test_calls_as_engines_send_them(chunks: tuple[dict[str, Any], ...]) -> None:
    message = whole(told(teller(), delta(content="Let me look."), *chunks))
    assert message["content"] == [
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "a", "name": "get_weather", "input": {"city": "Paris"}},
        {"type": "tool_use", "id": "b", "name": "get_time", "input": {}},
    ]
    assert message["stop_reason"] == "tool_use"


def test_a_call_without_an_id_gets_one() -> None:
    (block,) = whole(told(teller(), call(0, "{}", None, "f")))["content"]
    assert block["id"].startswith("call_")


def test_an_engine_that_goes_back_to_a_call_fails() -> None:
    chunks = (call(0, "{", "a", "f"), call(1, "{}", "b", "g"), call(0, "}"))
    with pytest.raises(UpstreamFailed, match="had ended"):
        told(teller(), *chunks)


def test_an_error_in_the_stream_fails() -> None:
    with pytest.raises(UpstreamFailed, match="out of memory"):
        told(teller(), delta(content="a"), {"error": {"message": "out of memory."}})


def test_a_call_that_is_no_json() -> None:
    cut = told(teller(), call(0, '{"city": "Pa', "a", "f"), delta("length"))
    assert whole(cut)["content"][0]["input"] == {}
    with pytest.raises(UpstreamFailed, match="no JSON"):
        whole(told(teller(), call(0, '{"city": "Pa', "a", "f"), delta("stop")))


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
        ("something else", "end_turn"),
        (None, "end_turn"),
    ],
)
def test_why_it_ended(finish: str | None, reason: str) -> None:
    message = whole(told(teller(), delta(finish, content="a")))
    assert (message["stop_reason"], message["stop_sequence"]) == (reason, None)


def test_the_sequence_that_stopped_it_where_an_engine_says_so() -> None:
    chunk = delta("stop", content="a")
    chunk["choices"][0]["stop_reason"] = "END"
    message = whole(told(teller("END"), chunk))
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")
    assert whole(told(teller("OTHER"), chunk))["stop_reason"] == "end_turn"


def test_an_answer_without_words() -> None:
    message = whole(told(teller(), delta("stop"), usage(3, 0)))
    assert message["content"] == []
    assert whole(told(teller()))["usage"]["output_tokens"] == 0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BadRequest("x"), "invalid_request_error"),
        (Unauthorized("x"), "authentication_error"),
        (Forbidden("x"), "permission_error"),
        (NotFound("x"), "not_found_error"),
        (TooManyRequests("x"), "rate_limit_error"),
        (QueueFull("x"), "overloaded_error"),
        (NotReady("x"), "overloaded_error"),
        (UpstreamFailed("x"), "api_error"),
        (NotOffered("x"), "api_error"),
        (MLXManagerError("x"), "api_error"),
    ],
)
def test_errors_have_the_shape_of_their_endpoint(error: MLXManagerError, kind: str) -> None:
    for endpoint in ("messages", "messages/count_tokens"):
        assert problem_of(endpoint, error) == {
            "type": "error",
            "error": {"type": kind, "message": "x"},
        }
    assert problem_of("responses", error)["error"]["code"] == error.code


def test_what_came_at_once_with_a_failure_is_told_before_it() -> None:
    def pieces(*said: bytes) -> Iterator[bytes]:
        yield from said
        raise UpstreamFailed("It went away.")

    failures = Failures()
    assert failures.told([b"a", b"b"]) == b"ab"
    failures.tell()
    assert failures.told(pieces(b"c", b"d")) == b"cd"
    with pytest.raises(UpstreamFailed):
        failures.tell()
    with pytest.raises(UpstreamFailed):
        failures.told([b"e"])
    with pytest.raises(UpstreamFailed):
        Failures().told(pieces())


@pytest.mark.parametrize(
    ("pieces", "said", "met"),
    [
        (["one END two"], "one ", "END"),
        (["one E", "N", "D two"], "one ", "END"),
        (["one E", "N", "DX"], "one ", "END"),
        (["one EN", "tity"], "one ENtity", None),
        (["EEN", "D"], "E", "END"),
        (["one", "\n\nHu", "man"], "one", "\n\nHu"),
        (["one \n", "two"], "one \ntwo", None),
        (["one EN"], "one EN", None),
    ],
)
def test_words_end_at_a_stop_sequence(pieces: list[str], said: str, met: str | None) -> None:
    stops = Stops(["END", "\n\nHu", ""])
    heard = ""
    for piece in pieces:
        heard += stops.feed(piece)
        if stops.met:
            break
    assert (heard + stops.rest(), stops.met) == (said, met)
    assert not Stops([""])


def test_a_stream_that_waited_in_vain_ends_in_anthropics_way() -> None:
    request = MessagesRequest.of(fields(model="m", max_tokens=9, messages=ASK, stream=True))
    event = request.broken(NotReady("It did not start."))
    assert event.startswith(b"event: error\ndata: {")
    assert b'"overloaded_error"' in event
