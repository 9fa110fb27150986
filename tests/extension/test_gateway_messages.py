"""Anthropic's own client at the gateway: in front of engines that have only chat completions."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from tests.extension.test_gateway import SENTENCE, journal, serve
from tests.extension.test_servers import API, start, until
from tests.fixtures import scripted
from tests.services.telling import WEATHER, call, delta, usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.extension.conftest import Door
    from tests.fixtures.scripted import Scripted, Step

__all__ = ["journal"]

ASK: Any = [{"role": "user", "content": "What is the capital of France?"}]
TOOLS: Any = [{"name": "get_weather", "description": "Of a city", "input_schema": WEATHER}]


@pytest.fixture
def far() -> Iterator[Scripted]:
    """A server elsewhere that says what it is told."""
    with scripted.serving() as server:
        yield server


def client_of(door: Door, key: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=door.url.rstrip("/"), api_key=key, max_retries=0)


def kind_of(error: anthropic.APIStatusError) -> str:
    """As the gateway calls it."""
    body: Any = error.body
    assert body["type"] == "error"
    kind: str = body["error"]["type"]
    return kind


async def reach(door: Door, far: Scripted, **fields: Any) -> anthropic.AsyncAnthropic:
    """A client of a gateway in front of the server elsewhere, which is called far."""
    told = {"engine": "remote", "base_url": far.url, **fields}
    await start(door, model="theirs", name="far", set=told)
    await until(door, "far", "ready")
    made = await door.json(f"{API}/keys", method="POST", body={"label": "test"})
    return client_of(door, made["secret"])


async def test_text_thoughts_and_counts_whole_and_streamed(
    door: Door,
    model: Path,
    fake_env: Callable[..., dict[str, str]],
    journal: Callable[[str], list[dict[str, Any]]],
) -> None:
    key = await serve(door, model, fake_env(reasoning="Let me see."), system_prompt="Be terse.")
    async with client_of(door, key) as client:
        response = await client.messages.with_raw_response.create(
            model="tiny", max_tokens=64, messages=ASK, metadata={"user_id": "u"}
        )
        assert response.headers["X-MLX-Server"] == "tiny"
        message = await response.parse()
        thought, text = message.content
        assert thought.type == "thinking"
        assert thought.thinking == "Let me see."
        assert text.type == "text"
        assert text.text == SENTENCE
        assert (message.model, message.role, message.stop_reason) == (
            "tiny",
            "assistant",
            "end_turn",
        )
        assert message.usage.output_tokens == 9
        assert message.usage.input_tokens > 0
        async with client.messages.stream(
            model="tiny",
            max_tokens=64,
            messages=ASK,
            system="Be long.",
            extra_body={"temperature": 0.5},  # newer clients have no parameter for it
        ) as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_message()
        assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
        assert [block.type for block in final.content] == ["thinking", "text"]
        assert final.content[1].type == "text"
        assert final.content[1].text == SENTENCE
        assert final.usage.output_tokens == 9
        cut = await client.messages.create(model="tiny", max_tokens=2, messages=ASK)
        assert cut.stop_reason == "max_tokens"
        quiet = await client.messages.create(
            model="tiny", max_tokens=64, messages=ASK, thinking={"type": "disabled"}
        )
        assert [block.type for block in quiet.content] == ["text"]
    first, second, _, off = (entry["body"] for entry in journal("request")[-4:])
    assert journal("offence") == []
    assert first["messages"] == [{"role": "system", "content": "Be terse."}, *ASK]
    assert (first["stream"], first["max_tokens"]) == (True, 64)
    assert second["messages"] == [{"role": "system", "content": "Be long."}, *ASK]
    assert second["temperature"] == 0.5
    assert off["chat_template_kwargs"] == {"enable_thinking": False}
    records = await requests(door, "messages")
    assert [record["stream"] for record in records] == [False, True, False, False]
    assert [record["completion_tokens"] for record in records] == [9, 9, 2, 9]
    assert [record["finish"] for record in records] == ["stop", "stop", "length", "stop"]
    assert {record["status"] for record in records} == {200}


async def requests(door: Door, endpoint: str) -> list[dict[str, Any]]:
    """The gateway's records of this endpoint, oldest first."""
    listed = await door.json(f"{API}/requests")
    found = [record for record in listed if record["endpoint"] == endpoint]
    return sorted(found, key=lambda record: str(record["time"]))


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_whole_loop_of_tools(door: Door, far: Scripted, *, streamed: bool) -> None:
    far.answers = [
        [
            b": keepalive 1/2\n\n",
            delta(reasoning_content="A city."),
            delta(content="Let me look."),
            call(0, '{"city":', "c1", "get_weather"),
            call(0, ' "Paris"}'),
            delta("tool_calls"),
            usage(20, 9, cached=5),
        ],
        [delta("stop", content="It is data: sunny."), usage(30, 4)],
    ]
    client = await reach(door, far, chat_template_args={"own": 1})
    said = list(ASK)

    async def ask() -> anthropic.types.Message:
        given: Any = {
            "model": "far",
            "max_tokens": 64,
            "messages": said,
            "tools": TOOLS,
            "tool_choice": {"type": "any"},
            "thinking": {"type": "enabled", "budget_tokens": 1024},
        }
        if not streamed:
            made: anthropic.types.Message = await client.messages.create(**given)
            return made
        async with client.messages.stream(**given) as stream:
            final: anthropic.types.Message = await stream.get_final_message()
            return final

    async with client:
        message = await ask()
        assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
        used = message.content[-1]
        assert used.type == "tool_use"
        assert (used.id, used.name, used.input) == ("c1", "get_weather", {"city": "Paris"})
        assert message.stop_reason == "tool_use"
        assert message.usage.input_tokens == 15
        assert message.usage.cache_read_input_tokens == 5
        said.append({"role": "assistant", "content": message.content})
        result = {"type": "tool_result", "tool_use_id": used.id, "content": "sunny"}
        said.append({"role": "user", "content": [result]})
        answer = await ask()
        (text,) = answer.content
        assert text.type == "text"
        assert text.text == "It is data: sunny."
        assert answer.stop_reason == "end_turn"
    first, second = far.asked
    assert first["path"] == "/v1/chat/completions"
    assert (first["model"], first["stream"], first["tool_choice"]) == ("theirs", True, "required")
    assert first["chat_template_kwargs"] == {"own": 1, "enable_thinking": True}
    assert first["tools"][0]["function"]["parameters"] == WEATHER
    assert [turn["role"] for turn in second["messages"]] == ["user", "assistant", "tool"]
    assert second["messages"][1]["reasoning_content"] == "A city."
    assert second["messages"][2] == {"role": "tool", "tool_call_id": "c1", "content": "sunny"}


async def test_pictures_and_form_reach_an_engine_that_may_have_them(
    door: Door, far: Scripted
) -> None:
    far.answers = [[delta("stop", content='{"city": "Paris"}')]]
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "Where?"}]
    said: Any = [{"role": "user", "content": parts}]
    form: Any = {"format": {"type": "json_schema", "schema": WEATHER}}
    async with await reach(door, far) as client:
        message = await client.messages.create(
            model="far",
            max_tokens=64,
            messages=said,
            output_config=form,
        )
    assert message.content[0].type == "text"
    (body,) = far.asked
    assert body["messages"][0]["content"][0]["image_url"] == {"url": "data:image/png;base64,AAAA"}
    assert body["response_format"]["json_schema"]["schema"] == WEATHER


async def test_mistakes_are_told_as_anthropic_tells_them(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    key = await serve(door, model, fake_env(error_status=500))
    given: Any = {"model": "tiny", "max_tokens": 9, "messages": ASK}
    async with client_of(door, "wrong") as stranger:
        with pytest.raises(anthropic.AuthenticationError, match="x-api-key"):
            await stranger.messages.create(**given)
    async with client_of(door, key) as client:
        with pytest.raises(anthropic.NotFoundError, match="Did you mean tiny") as missing:
            await client.messages.create(**given | {"model": "tny"})
        assert kind_of(missing.value) == "not_found_error"
        prefilled = [*ASK, {"role": "assistant", "content": "The"}]
        document = {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}}
        for wrong, words in (
            ({"messages": []}, "missing or empty"),
            ({"messages": prefilled}, "assistant's"),
            ({"messages": [{"role": "user", "content": [document]}]}, "document"),
            ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "of your own"),
            (
                {"tools": TOOLS, "tool_choice": {"type": "any"}},
                "mlx-lm does not heed 'tool_choice'",
            ),
            ({"container": "c"}, "container"),
        ):
            for streamed in (False, True):
                with pytest.raises(anthropic.BadRequestError, match=words):
                    await client.messages.create(**given | wrong, stream=streamed)
        with pytest.raises(anthropic.InternalServerError, match="told to answer 500"):
            await client.messages.create(**given)
        with pytest.raises(anthropic.APIStatusError, match="does not count") as refused:
            await client.messages.count_tokens(model="tiny", messages=ASK)
        assert refused.value.status_code == 501


@pytest.mark.parametrize("how", ["breaks off", "says an error", "sends no JSON"])
async def test_a_stream_that_breaks_raises_in_the_client(
    door: Door, far: Scripted, how: str
) -> None:
    ends: dict[str, Step] = {
        "breaks off": delta(content="is"),
        "says an error": {"error": {"message": "out of memory"}},
        "sends no JSON": b"data: {nonsense\n\n",
    }
    far.answers = [[delta(content="Paris "), ends[how]]]
    far.closes = True
    given: Any = {"model": "far", "max_tokens": 9, "messages": ASK}
    async with await reach(door, far) as client:

        async def listen() -> None:
            async with client.messages.stream(**given) as stream:
                async for _ in stream.text_stream:
                    pass

        with pytest.raises(anthropic.APIStatusError, match="engine") as broken:
            await listen()
        assert kind_of(broken.value) == "api_error"
        with pytest.raises(anthropic.InternalServerError, match="engine"):
            await client.messages.create(**given)


async def test_a_client_that_leaves_ends_the_work_upstream(door: Door, far: Scripted) -> None:
    far.answers = [[delta(content="word ")]]
    far.endless = True
    async with await reach(door, far) as client:
        stream = await client.messages.create(model="far", max_tokens=9, messages=ASK, stream=True)
        seen = [await anext(aiter(stream)) for _ in range(3)]
        assert seen[0].type == "message_start"
        await stream.close()
        assert await asyncio.to_thread(far.gone.wait, 10), "upstream is closed too"


async def test_large_conversations_come_through(door: Door, far: Scripted) -> None:
    far.answers = [[delta("stop", content="Long.")]]
    words = "word " * 50_000
    async with await reach(door, far) as client:
        message = await client.messages.create(
            model="far", max_tokens=9, messages=[{"role": "user", "content": words}]
        )
    assert json.loads(message.to_json())["content"][0]["text"] == "Long."
    assert far.asked[0]["messages"][0]["content"] == words


async def test_it_is_the_same_below_jupyters_own_address(
    door: Door, far: Scripted, jupyter_url: str
) -> None:
    far.answers = [[delta("stop", content="Paris.")]]
    near = await reach(door, far)
    base = f"{jupyter_url}mlx-manager"
    client = anthropic.AsyncAnthropic(base_url=base, api_key=near.api_key, max_retries=0)
    given: Any = {"max_tokens": 9, "messages": ASK}
    async with near, client:
        message = await client.messages.create(model="far", **given)
        assert message.content[0].type == "text"
        assert message.content[0].text == "Paris."
        with pytest.raises(anthropic.NotFoundError, match="Did you mean far") as missing:
            await client.messages.create(model="fra", **given)
        assert kind_of(missing.value) == "not_found_error"
    stranger = anthropic.AsyncAnthropic(base_url=base, api_key="wrong", max_retries=0)
    async with stranger:
        with pytest.raises(anthropic.AuthenticationError) as refused:
            await stranger.messages.create(model="far", **given)
        assert kind_of(refused.value) == "authentication_error"
