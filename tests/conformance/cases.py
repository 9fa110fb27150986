"""What clients do, asked with OpenAI's own client. Each case says what came of it.

An outcome is ``yes``; or a note, such as a status, where an engine lacks something and the gateway
says so; anything else is a failure of the case.
"""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest

from tests.conformance import other_words as other
from tests.conformance.leaving import leave
from tests.conformance.places import REPLAYED
from tests.fixtures import able
from tests.fixtures.embedding import GROUPS
from tests.fixtures.pictures import data_url, png

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.conformance.places import Target

YES = "yes"
#: Where an engine follows a schema with a kernel for Metal, and fails without.
MAC = "needs a Mac"
TOOLS: list[Any] = [able.TOOL]
ASK: list[Any] = [{"role": "user", "content": "How is the weather in Paris?"}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def models(target: Target) -> str:
    listed = [model.id for model in target.openai.models.list()]
    assert target.name() in listed
    return YES


def chat(target: Target) -> str:
    answer = target.openai.chat.completions.create(model=target.name(), messages=ASK)
    assert answer.object == "chat.completion"
    assert answer.model == target.name()
    assert answer.choices[0].message.content == able.SAYS
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert answer.usage.completion_tokens > 0
    return YES


def chat_stream(target: Target) -> str:
    stream = target.openai.chat.completions.create(model=target.name(), messages=ASK, stream=True)
    chunks = list(stream)
    assert {chunk.model for chunk in chunks} == {target.name()}
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == able.SAYS
    assert chunks[-1].choices[0].finish_reason == "stop"
    return YES


def usage_stream(target: Target) -> str:
    stream = target.openai.chat.completions.create(
        model=target.name(), messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    (usage,) = [chunk.usage for chunk in stream if chunk.usage]
    assert usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    return YES


def limit(target: Target) -> str:
    answer = target.openai.chat.completions.create(model=target.name(), messages=ASK, max_tokens=2)
    assert answer.usage
    assert answer.usage.completion_tokens == 2
    reason = answer.choices[0].finish_reason
    return YES if reason == "length" else f"says `{reason}`"


def reasoning(target: Target) -> str:
    thinking = {"enable_thinking": True, "chat_template_kwargs": {"enable_thinking": True}}
    answer = target.openai.chat.completions.create(
        model=target.name(),
        messages=[{"role": "user", "content": "Think of Paris!"}],
        extra_body=thinking,
    )
    message = answer.choices[0].message
    told = message.model_extra or {}
    fields = [name for name in ("reasoning", "reasoning_content") if told.get(name)]
    assert {told[name].strip() for name in fields} == {able.THINKS}
    assert (message.content or "").strip() == able.SAYS
    return ", ".join(f"`{name}`" for name in fields)


def tools(target: Target) -> str:
    client = target.openai
    first = client.chat.completions.create(model=target.name(), messages=ASK, tools=TOOLS).choices[
        0
    ]
    call = the_call(first)
    said: Any = first.message.model_dump(include={"role", "content", "tool_calls"})
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": '{"sky": "clear"}'}
    second = client.chat.completions.create(
        model=target.name(), messages=[*ASK, said, result], tools=TOOLS
    )
    assert second.choices[0].message.content == able.SAYS
    return YES


def tools_stream(target: Target) -> str:
    with target.openai.chat.completions.stream(
        model=target.name(), messages=ASK, tools=TOOLS
    ) as stream:
        the_call(stream.get_final_completion().choices[0])
    return YES


def the_call(choice: Any) -> Any:
    """The one call of a tool in an answer, if it is as it should be."""
    (call,) = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls"
    assert call.function.name == able.TOOL_NAME
    assert json.loads(call.function.arguments) == able.ARGUMENTS
    return call


def schema(target: Target) -> str:
    form: Any = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}
    try:
        answer = target.openai.chat.completions.create(
            model=target.name(), messages=ASK, response_format=form, max_tokens=64
        )
    except openai.InternalServerError as error:
        if "Metal" in error.message:
            return MAC
        raise
    text = answer.choices[0].message.content or ""
    if not text.lstrip().startswith("{"):
        return "ignored"
    return MAC if target.engine == "mlx-vlm" and sys.platform == "darwin" else YES


def pictures(target: Target) -> str:
    for picture, colour in ((png(250, 10, 10), "red"), (png(10, 10, 250), "blue")):
        parts = [
            {"type": "image_url", "image_url": {"url": data_url(picture)}},
            {"type": "text", "text": "What colour is this?"},
        ]
        messages: list[Any] = [{"role": "user", "content": parts}]
        answer = target.openai.chat.completions.create(model=target.name("sees"), messages=messages)
        assert answer.choices[0].message.content == colour
    return YES


def logprobs(target: Target) -> str:
    answer = target.openai.chat.completions.create(model=target.name(), messages=ASK, logprobs=True)
    if not answer.choices[0].logprobs:
        return "ignored"
    tokens = [each.token for each in answer.choices[0].logprobs.content or ()]
    assert "".join(tokens) == able.SAYS
    return YES


def several(target: Target) -> str:
    answer = target.openai.chat.completions.create(model=target.name(), messages=ASK, n=2)
    return YES if len(answer.choices) == 2 else "ignored"


def completions(target: Target) -> str:
    answer = target.openai.completions.create(model=target.name(), prompt="<|assistant|>")
    assert answer.object == "text_completion"
    assert answer.model == target.name()
    assert answer.choices[0].text == able.SAYS
    assert answer.usage
    assert answer.usage.completion_tokens > 0
    return YES


def completions_stream(target: Target) -> str:
    stream = target.openai.completions.create(
        model=target.name(), prompt="<|assistant|>", stream=True
    )
    chunks = list(stream)
    assert {chunk.model for chunk in chunks} == {target.name()}
    assert "".join(chunk.choices[0].text for chunk in chunks) == able.SAYS
    return YES


def embeddings(target: Target) -> str:
    words = [*GROUPS[0][:2], GROUPS[1][0]]
    client, name = target.openai, target.name("embeds")
    answer = client.embeddings.create(model=name, input=words)  # asks for base64 by itself
    floats = client.embeddings.create(model=name, input=words, encoding_format="float")
    assert answer.model == name
    assert [each.index for each in answer.data] == [0, 1, 2]
    for packed, plain in zip(answer.data, floats.data, strict=True):
        assert all(
            abs(a - b) < 1e-6 for a, b in zip(packed.embedding, plain.embedding, strict=True)
        )
    return YES


def transcriptions(target: Target) -> str:
    sound = io.BytesIO(b"a cat speaks\r\n")
    sound.name = "cat.wav"
    answer = target.openai.audio.transcriptions.create(model=target.name("hears"), file=sound)
    assert answer.text.strip() == "a cat speaks"
    return YES


def images(target: Target) -> str:
    answer = target.openai.images.generate(
        model=target.name("draws"), prompt="a cat", response_format="b64_json"
    )
    assert (answer.data or [])[0].b64_json
    return YES


def unknown_model(target: Target) -> str:
    with pytest.raises(openai.NotFoundError) as caught:
        target.openai.chat.completions.create(model=f"{target.name()}x", messages=ASK)
    assert target.name() in caught.value.message, "it names the nearest"
    return str(caught.value.status_code)


def bad_value(target: Target) -> str:
    with pytest.raises(openai.BadRequestError, match=r"temperature|number") as caught:
        target.openai.chat.completions.create(
            model=target.name(), messages=ASK, extra_body={"temperature": "warm"}
        )
    return str(caught.value.status_code)


def no_key(target: Target) -> str:
    stranger = openai.OpenAI(base_url=target.url, api_key="none", max_retries=0)
    with stranger, pytest.raises(openai.AuthenticationError) as caught:
        stranger.chat.completions.create(model=target.name(), messages=ASK)
    return str(caught.value.status_code)


#: By what people would call it, in the order of the table.
CASES: Mapping[str, Callable[[Target], str]] = {
    "`models`": models,
    "`chat/completions`": chat,
    "… streamed": chat_stream,
    "… with usage in the stream": usage_stream,
    "… `finish_reason` at `max_tokens`": limit,
    "… thoughts apart, as": reasoning,
    "… tools, there and back": tools,
    "… tools, streamed": tools_stream,
    "… JSON schema": schema,
    "… pictures in": pictures,
    "… `logprobs`": logprobs,
    "… `n` = 2": several,
    "`completions`": completions,
    "… streamed ": completions_stream,
    "`responses`": other.responses,
    "… streamed  ": other.responses_stream,
    "… tools": other.responses_tools,
    "`messages`": other.messages,
    "… streamed   ": other.messages_stream,
    "… tools ": other.messages_tools,
    "`embeddings`": embeddings,
    "`audio/transcriptions`": transcriptions,
    "`images/generations`": images,
    "error: unknown model": unknown_model,
    "error: bad value": bad_value,
    "error: no key": no_key,
    "client leaves a stream": lambda target: leave(target, "stream"),
    "client leaves before the first token": lambda target: leave(target, "early"),
    "client leaves a plain request": lambda target: leave(target, "plain"),
}

#: Statuses that say in words what can't be had here.
REFUSALS = {400, 501}
#: What was not recorded of the engine that is replayed, so that nobody knows.
UNKNOWN = {
    "… tools, there and back",
    "… tools, streamed",
    "… JSON schema",
    "… pictures in",
    "`responses`",
    "… streamed  ",
    "… tools",
    "… tools ",
    "error: bad value",
}


def outcome(case: str, target: Target) -> str:
    """What comes of a case: its word, or the status of a refusal that says why."""
    if target.engine == REPLAYED and case in UNKNOWN:
        return "not recorded"
    try:
        return CASES[case](target)
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        if error.status_code in REFUSALS and error.message:
            return str(error.status_code)
        raise
