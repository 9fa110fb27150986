"""OpenAI's own client asks for responses: in front of engines that have only chat completions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.extension.test_gateway import SENTENCE, journal, serve
from tests.extension.test_gateway_messages import requests
from tests.extension.test_servers import API, start, until
from tests.fixtures import scripted
from tests.services.telling import WEATHER, call, delta, usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.extension.conftest import Door
    from tests.fixtures.scripted import Scripted, Step

__all__ = ["journal"]

TOOLS: Any = [{"type": "function", "name": "get_weather", "parameters": WEATHER}]


@pytest.fixture
def far() -> Iterator[Scripted]:
    """A server elsewhere that says what it is told."""
    with scripted.serving() as server:
        yield server


def client_of(door: Door, key: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{door.url}v1", api_key=key, max_retries=0)


async def reach(door: Door, far: Scripted) -> openai.AsyncOpenAI:
    """A client of a gateway in front of the server elsewhere, which is called far."""
    await start(door, model="theirs", name="far", set={"engine": "remote", "base_url": far.url})
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
    question: Any = "What is the capital of France?"
    async with client_of(door, key) as client:
        response = await client.responses.create(model="tiny", input=question, store=True)
        assert response.output_text == SENTENCE
        thought, message = response.output
        assert thought.type == "reasoning"
        assert thought.content
        assert thought.content[0].text == "Let me see."
        assert message.type == "message"
        assert (response.model, response.status) == ("tiny", "completed")
        assert response.to_dict()["store"] is False, "nothing is kept"
        assert response.usage
        assert response.usage.output_tokens == 9
        async with client.responses.stream(
            model="tiny", input=question, instructions="Be long.", temperature=0.5
        ) as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
        assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
        assert final.output_text == SENTENCE
        cut = await client.responses.create(model="tiny", input=question, max_output_tokens=2)
        assert cut.status == "incomplete"
        assert cut.incomplete_details
        assert cut.incomplete_details.reason == "max_output_tokens"
    first, second, _ = (entry["body"] for entry in journal("request")[-3:])
    assert journal("offence") == []
    assert first["messages"] == [
        {"role": "system", "content": "Be terse."},
        {"role": "user", "content": question},
    ]
    assert first["stream"] is True
    assert second["messages"][0] == {"role": "system", "content": "Be long."}
    assert second["temperature"] == 0.5
    records = await requests(door, "responses")
    assert [record["completion_tokens"] for record in records] == [9, 9, 2]
    assert [record["finish"] for record in records] == ["stop", "stop", "length"]


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
    items: Any = [{"role": "user", "content": "How is the weather in Paris?"}]

    async def ask(client: openai.AsyncOpenAI) -> Any:
        given: Any = {"model": "far", "input": items, "tools": TOOLS, "tool_choice": "required"}
        if not streamed:
            return await client.responses.create(**given)
        async with client.responses.stream(**given) as stream:
            return await stream.get_final_response()

    async with await reach(door, far) as client:
        response = await ask(client)
        assert [item.type for item in response.output] == ["reasoning", "message", "function_call"]
        called = response.output[-1]
        assert (called.call_id, called.name) == ("c1", "get_weather")
        assert called.arguments == '{"city": "Paris"}'
        assert response.usage.input_tokens == 20
        assert response.usage.input_tokens_details.cached_tokens == 5
        items += [item.to_dict() for item in response.output]
        items.append({"type": "function_call_output", "call_id": "c1", "output": "sunny"})
        answer = await ask(client)
        assert answer.output_text == "It is data: sunny."
    first, second = far.asked
    assert first["path"] == "/v1/chat/completions"
    assert (first["model"], first["stream"], first["tool_choice"]) == ("theirs", True, "required")
    assert first["tools"][0]["function"] == {"name": "get_weather", "parameters": WEATHER}
    assert [turn["role"] for turn in second["messages"]] == ["user", "assistant", "tool"]
    assert second["messages"][1]["reasoning_content"] == "A city."
    assert second["messages"][1]["content"] == "Let me look."
    assert second["messages"][2] == {"role": "tool", "tool_call_id": "c1", "content": "sunny"}


async def test_pictures_and_form_reach_an_engine_that_may_have_them(
    door: Door, far: Scripted
) -> None:
    far.answers = [[delta("stop", content='{"city": "Paris"}')]]
    parts = [
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
        {"type": "input_text", "text": "Where?"},
    ]
    said: Any = [{"role": "user", "content": parts}]
    form: Any = {"format": {"type": "json_schema", "name": "w", "schema": WEATHER}}
    async with await reach(door, far) as client:
        response = await client.responses.create(model="far", input=said, text=form)
    assert response.output_text == '{"city": "Paris"}'
    (body,) = far.asked
    assert body["messages"][0]["content"][0]["image_url"]["url"] == "data:image/png;base64,AAAA"
    assert body["response_format"]["json_schema"] == {"name": "w", "schema": WEATHER}


async def test_mistakes_are_told_as_openai_tells_them(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    key = await serve(door, model, fake_env(error_status=500))
    given: Any = {"model": "tiny", "input": "hi"}
    async with client_of(door, "wrong") as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.responses.create(**given)
    form = {"format": {"type": "json_schema", "name": "w", "schema": WEATHER}}
    async with client_of(door, key) as client:
        with pytest.raises(openai.NotFoundError, match="Did you mean tiny"):
            await client.responses.create(**given | {"model": "tny"})
        for wrong, words in (
            ({"input": []}, "missing or empty"),
            ({"previous_response_id": "resp_1"}, "whole conversation"),
            ({"background": True}, "background"),
            ({"tools": [{"type": "web_search"}]}, "built-in"),
            ({"text": form}, "mlx-lm does not heed 'response_format'"),
        ):
            for streamed in (False, True):
                with pytest.raises(openai.BadRequestError, match=words):
                    await client.responses.create(**given | wrong, stream=streamed)
        with pytest.raises(openai.InternalServerError, match="told to answer 500"):
            await client.responses.create(**given)


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
    kinds: list[str] = []
    async with await reach(door, far) as client:

        async def listen() -> None:
            stream = await client.responses.create(model="far", input="hi", stream=True)
            async for event in stream:
                kinds.append(event.type)  # noqa: PERF401  they are seen though it raises

        with pytest.raises(openai.APIError, match="engine"):
            await listen()
        assert "response.output_text.delta" in kinds, "though it may have come with the error"
        assert kinds[-1] == "response.failed"
        with pytest.raises(openai.InternalServerError, match="engine"):
            await client.responses.create(model="far", input="hi")


async def test_a_client_that_leaves_ends_the_work_upstream(door: Door, far: Scripted) -> None:
    far.answers = [[delta(content="word ")]]
    far.endless = True
    async with await reach(door, far) as client:
        stream = await client.responses.create(model="far", input="hi", stream=True)
        seen = [await anext(aiter(stream)) for _ in range(3)]
        assert seen[0].type == "response.created"
        await stream.close()
        assert await asyncio.to_thread(far.gone.wait, 10), "upstream is closed too"
