"""Messages and responses by the official clients, with the real mlx-lm and the real mlx-vlm."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest

from tests.extension.test_gateway_messages import ASK, TOOLS, client_of, kind_of, requests
from tests.extension.test_gateway_responses import TOOLS as FUNCTIONS
from tests.extension.test_gateway_responses import client_of as openai_of
from tests.extension.test_mlx_lm import jp_server_config
from tests.extension.test_mlx_vlm import serve
from tests.fixtures import calling, seeing
from tests.fixtures.models import SAYS, THINKS, make
from tests.fixtures.pictures import data_url, png

if TYPE_CHECKING:
    from pathlib import Path

    from tests.extension.conftest import Door

__all__ = ["jp_server_config"]  # no engine is configured here either

pytestmark = pytest.mark.engine

RED = png(250, 10, 10)


async def weather_by_messages(client: anthropic.AsyncAnthropic, *, streamed: bool) -> str:
    """The end of a whole loop of tools."""

    async def ask(said: list[Any]) -> Any:
        given: Any = {"model": "tiny", "max_tokens": 64, "messages": said, "tools": TOOLS}
        if not streamed:
            return await client.messages.create(**given)
        async with client.messages.stream(**given) as stream:
            return await stream.get_final_message()

    message = await ask(ASK)
    assert message.stop_reason == "tool_use"
    (used,) = [block for block in message.content if block.type == "tool_use"]
    assert (used.name, used.input) == ("get_weather", calling.ARGUMENTS)
    result = {"type": "tool_result", "tool_use_id": used.id, "content": "sunny"}
    turns = [
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": [result]},
    ]
    answer = await ask([*ASK, *turns])
    assert answer.stop_reason == "end_turn"
    return "".join(block.text for block in answer.content).strip()


async def weather_by_responses(client: openai.AsyncOpenAI, *, streamed: bool) -> str:
    """The end of a whole loop of tools."""

    async def ask(items: list[Any]) -> Any:
        given: Any = {"model": "tiny", "input": items, "tools": FUNCTIONS}
        if not streamed:
            return await client.responses.create(**given)
        async with client.responses.stream(**given) as stream:
            return await stream.get_final_response()

    question = {"role": "user", "content": "How is the weather in Paris?"}
    response = await ask([question])
    (called,) = [item for item in response.output if item.type == "function_call"]
    assert called.name == "get_weather"
    assert json.loads(called.arguments) == calling.ARGUMENTS
    output = {"type": "function_call_output", "call_id": called.call_id, "output": "sunny"}
    answer = await ask([question, *(item.to_dict() for item in response.output), output])
    text: str = answer.output_text
    return text.strip()


@pytest.mark.parametrize("engine", ["mlx-lm", "mlx-vlm"])
async def test_tools_with_a_real_engine(door: Door, tmp_path: Path, engine: str) -> None:
    _, key = await serve(door, calling.make(tmp_path / "m"), engine=engine, temperature=0.0)
    async with client_of(door, key) as client, openai_of(door, key) as other:
        for streamed in (False, True):
            assert await weather_by_messages(client, streamed=streamed) == calling.SAYS
            assert await weather_by_responses(other, streamed=streamed) == calling.SAYS
    records = await requests(door, "messages") + await requests(door, "responses")
    assert len(records) == 8
    assert {record["status"] for record in records} == {200}
    assert all(record["prompt_tokens"] > 10 for record in records)
    assert all(record["completion_tokens"] for record in records)


async def test_what_mlx_vlm_would_pass_over_is_refused_or_asked_in_another_way(
    door: Door, tmp_path: Path
) -> None:
    _, key = await serve(door, calling.make(tmp_path / "m"), engine="mlx-vlm", temperature=0.0)
    given: Any = {"model": "tiny", "input": "hi", "tools": FUNCTIONS}
    async with openai_of(door, key) as client:
        own = await client.responses.create(**given)
        forced = await client.responses.create(**given, tool_choice="required")
        stored = [answer.to_dict()["store"] for answer in (own, forced)]
        assert stored == [True, False], "the second by way of chat completions, which see to it"
        assert [item.type for item in forced.output] == ["function_call"]
        for wrong, words in (
            ({"background": True}, "background"),
            ({"tools": [{"type": "web_search"}]}, "web_search"),
            ({"parallel_tool_calls": False}, "mlx-vlm does not heed"),
        ):
            with pytest.raises(openai.BadRequestError, match=words):
                await client.responses.create(**given | wrong)
    asked: Any = {"model": "tiny", "max_tokens": 9, "messages": ASK, "tools": TOOLS}
    choice: Any = {"type": "auto", "disable_parallel_tool_use": True}
    async with client_of(door, key) as other:
        with pytest.raises(anthropic.BadRequestError, match="mlx-vlm does not heed"):
            await other.messages.create(**asked, tool_choice=choice)


async def test_thoughts_of_mlx_lm(door: Door, tmp_path: Path) -> None:
    _, key = await serve(door, make("think", tmp_path / "m"), engine="mlx-lm", temperature=0.0)
    given: Any = {"model": "tiny", "max_tokens": 64, "messages": ASK}
    async with client_of(door, key) as client:
        thought, text = (await client.messages.create(**given)).content
        assert thought.type == "thinking"
        assert thought.thinking.strip() == THINKS
        assert text.type == "text"
        assert text.text.strip() == SAYS["think"]
        off = await client.messages.create(**given, thinking={"type": "disabled"})
        assert [block.type for block in off.content] == ["text"]
        assert off.usage.output_tokens < 10, "it did not think at all"
    async with openai_of(door, key) as other:
        response = await other.responses.create(model="tiny", input="hi")
        assert [item.type for item in response.output] == ["reasoning", "message"]
        assert response.output_text.strip() == SAYS["think"]
        quiet = await other.responses.create(model="tiny", input="hi", reasoning={"effort": "none"})
        assert [item.type for item in quiet.output] == ["message"]


async def test_a_stop_sequence_ends_mlx_vlm(door: Door, tmp_path: Path) -> None:
    """By itself it would go on, in a stream; of this model for ever."""
    _, key = await serve(door, make("endless", tmp_path / "m"), engine="mlx-vlm", temperature=0.0)
    given: Any = {"model": "tiny", "max_tokens": 2000, "messages": ASK}
    async with client_of(door, key) as client:
        for sequences in (["goes on"], ["nowhere", "story goes"]):
            message: Any = await client.messages.create(**given, stop_sequences=sequences)
            assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", sequences[-1])
            async with client.messages.stream(**given, stop_sequences=sequences) as stream:
                final: Any = await stream.get_final_message()
            assert (final.stop_reason, final.stop_sequence) == ("stop_sequence", sequences[-1])
            for whole in (message, final):
                (text,) = whole.content
                assert SAYS["endless"].startswith(text.text.strip())
                assert sequences[-1] not in text.text
                assert whole.usage.output_tokens < 20
    assert {record["finish"] for record in await requests(door, "messages")} == {"stop"}


async def test_mlx_vlm_sees_and_counts_by_itself(door: Door, tmp_path: Path) -> None:
    _, key = await serve(door, seeing.make(tmp_path / "m"), temperature=0.0)
    kind, _, data = data_url(RED).partition(";base64,")
    source = {"type": "base64", "media_type": kind.removeprefix("data:"), "data": data}
    question = "What colour is this picture?"
    parts = [{"type": "image", "source": source}, {"type": "text", "text": question}]
    given: Any = {"model": "tiny", "messages": [{"role": "user", "content": parts}]}
    async with client_of(door, key) as client:
        message = await client.messages.create(**given, max_tokens=9)
        (text,) = message.content
        assert text.type == "text"
        assert text.text.strip() == "red"
        assert (message.model, message.stop_reason) == ("tiny", "end_turn")
        async with client.messages.stream(**given, max_tokens=9) as stream:
            final = await stream.get_final_message()
        assert final.model == "tiny", "never the path that it was started with"
        assert [block.text.strip() for block in final.content if block.type == "text"] == ["red"]
        counted = await client.messages.count_tokens(**given)
        assert counted.input_tokens == message.usage.input_tokens > 20
        secret = {"type": "image", "source": {"type": "url", "url": str(tmp_path / "x.png")}}
        theirs: Any = [{"role": "user", "content": [secret]}]
        with pytest.raises(anthropic.BadRequestError, match="no address") as refused:
            await client.messages.create(model="tiny", max_tokens=9, messages=theirs)
        assert kind_of(refused.value) == "invalid_request_error"
        with pytest.raises(anthropic.BadRequestError, match="no address"):
            await client.messages.count_tokens(model="tiny", messages=theirs)
    seen = [
        {"type": "input_image", "image_url": data_url(RED)},
        {"type": "input_text", "text": question},
    ]
    items: Any = [{"role": "user", "content": seen}]
    there = {"type": "input_image", "image_url": str(tmp_path / "x.png")}
    local: Any = [{"role": "user", "content": [there]}]
    async with openai_of(door, key) as other:
        response = await other.responses.create(model="tiny", input=items)
        assert response.output_text.strip() == "red"
        assert (response.model, response.status) == ("tiny", "completed")
        async with other.responses.stream(model="tiny", input=items) as events:
            streamed = await events.get_final_response()
        assert (streamed.model, streamed.output_text.strip()) == ("tiny", "red")
        more = await other.responses.create(
            model="tiny", input="And now?", previous_response_id=response.id
        )
        assert more.status == "completed", "mlx-vlm remembers by itself"
        with pytest.raises(openai.BadRequestError, match="no address"):
            await other.responses.create(model="tiny", input=local)
    records = await requests(door, "messages")
    assert [record["finish"] for record in records if record["status"] == 200] == ["stop", "stop"]
    assert records[0]["prompt_tokens"] == counted.input_tokens
