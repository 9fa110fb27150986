"""The gateway in front of the fake engine: names pinned, streams copied, leavers noticed."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from tests.extension.test_servers import API, start, until
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.extension.conftest import Door

SENTENCE = "The capital of France is Paris."
ASK = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture
def journal(tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """What the engine saw, by kind of happening."""

    def read(event: str) -> list[dict[str, Any]]:
        lines = (tmp_path / "journal.jsonl").read_text("utf-8").splitlines()
        return [entry for entry in map(json.loads, lines) if entry["event"] == event]

    return read


async def serve(door: Door, model: Path, env: dict[str, str], **fields: Any) -> str:
    """A ready server named tiny, and a key for it."""
    await start(door, model=str(model), name="tiny", set={"env": env, **fields})
    await until(door, "tiny", "ready")
    made = await door.json(f"{API}/keys", method="POST", body={"label": "test"})
    secret: str = made["secret"]
    return secret


async def events(door: Door, key: str, body: dict[str, Any]) -> AsyncIterator[str]:
    """The SSE events of one streamed chat, over a bare socket."""
    host, port = door.url.removeprefix("http://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    payload = json.dumps(body).encode()
    writer.write(
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(payload)}\r\n\r\n".encode()
        + payload
    )
    try:
        async for line in reader:
            text = line.decode().rstrip("\r\n")
            if text.startswith("data: "):
                yield text.removeprefix("data: ")
                if text == "data: [DONE]":
                    return
    finally:
        writer.close()


async def test_models_lists_what_answers(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    key = await serve(door, model, fake_env())
    listed = await door.json("v1/models", token=key)
    assert [entry["id"] for entry in listed["data"]] == ["tiny"]
    assert listed["data"][0]["root"] == str(model)


async def test_a_stream_is_copied_under_the_name_that_was_asked(
    door: Door,
    model: Path,
    fake_env: Callable[..., dict[str, str]],
    journal: Callable[[str], list[dict[str, Any]]],
) -> None:
    key = await serve(door, model, fake_env(), aliases=["t"])
    for asked in ("tiny", "t", str(model)):
        body = {"model": asked, "messages": ASK, "stream": True}
        seen = [event async for event in events(door, key, body)]
        assert seen[-1] == "[DONE]"
        chunks = [json.loads(event) for event in seen[:-1]]
        assert {chunk["model"] for chunk in chunks} == {asked}
        text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        assert text == SENTENCE
        assert all(chunk["choices"] for chunk in chunks), "usage was not asked for"
    assert journal("offence") == []
    for request in journal("request")[1:]:
        assert request["body"]["model"] == "default_model"
        assert request["body"]["stream"] is True


async def test_usage_comes_when_asked(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    key = await serve(door, model, fake_env())
    body = {"model": "tiny", "messages": ASK, "stream": True}
    options = {"stream_options": {"include_usage": True}}
    seen = [json.loads(e) async for e in events(door, key, body | options) if e != "[DONE]"]
    assert seen[-1]["choices"] == []
    assert seen[-1]["usage"]["completion_tokens"] > 0


async def test_a_plain_answer_is_put_together_from_a_stream(
    door: Door,
    model: Path,
    fake_env: Callable[..., dict[str, str]],
    journal: Callable[[str], list[dict[str, Any]]],
) -> None:
    key = await serve(door, model, fake_env(reasoning="Let me see."))
    response = await door.fetch(
        "v1/chat/completions",
        method="POST",
        token=key,
        body={"model": "tiny", "messages": ASK, "adapters": "/etc"},
    )
    answer = json.loads(response.body)
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == SENTENCE
    assert answer["choices"][0]["message"]["reasoning"] == "Let me see."
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["total_tokens"] > 0
    assert response.headers["X-MLX-Server"] == "tiny"
    assert response.headers["X-MLX-Model"] == str(model)
    sent = journal("request")[-1]["body"]
    assert sent["stream"] is True
    assert "adapters" not in sent, "an engine would load it"


async def test_the_profiles_defaults_are_filled_in_and_the_clients_words_win(
    door: Door,
    model: Path,
    fake_env: Callable[..., dict[str, str]],
    journal: Callable[[str], list[dict[str, Any]]],
) -> None:
    key = await serve(door, model, fake_env(), seed=7, system_prompt="Be terse.")
    own = [{"role": "system", "content": "Be long."}, *ASK]
    for messages, extra in ((ASK, {}), (own, {"seed": 9})):
        body = {"model": "tiny", "messages": messages, **extra}
        await door.json("v1/chat/completions", method="POST", token=key, body=body)
    first, second = (request["body"] for request in journal("request")[-2:])
    assert first["seed"] == 7
    assert first["messages"][0] == {"role": "system", "content": "Be terse."}
    assert second["seed"] == 9
    assert second["messages"] == own


async def test_a_models_path_may_be_in_any_script(
    door: Door, tmp_path: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    folder = make("chat", tmp_path / "模型 ü")
    key = await serve(door, folder, fake_env())
    response = await door.fetch(
        "v1/chat/completions", method="POST", token=key, body={"model": "tiny", "messages": ASK}
    )
    assert response.code == 200, response.body
    assert unquote(response.headers["X-MLX-Model"]) == str(folder)


async def test_an_unknown_name_is_404_with_the_nearest(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    key = await serve(door, model, fake_env())
    response = await door.fetch(
        "v1/chat/completions", method="POST", token=key, body={"model": "tny", "messages": ASK}
    )
    error = json.loads(response.body)["error"]
    assert response.code == 404
    assert error["code"] == "unknown_model"
    assert "Did you mean tiny" in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"model": "tiny"},
        {"messages": ASK},
        {"model": 3, "messages": ASK},
        {"model": "tiny", "messages": []},
        {"model": "tiny", "messages": "hi"},
        {"model": "tiny", "messages": ASK, "n": 2},
        {"model": "tiny", "messages": ASK, "logprobs": True},
        ["no", "object"],
    ],
)
async def test_a_bad_request_has_openais_shape(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]], body: Any
) -> None:
    key = await serve(door, model, fake_env())
    response = await door.fetch("v1/chat/completions", method="POST", token=key, body=body)
    assert response.code == 400
    assert json.loads(response.body)["error"]["type"] == "invalid_request_error"


async def test_what_is_not_offered_is_404_in_openais_shape(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    key = await serve(door, model, fake_env())
    for path in ("v1/audio/speech", "v1/nonsense", "v1/chat/completions/more"):
        response = await door.fetch(path, method="POST", token=key)
        assert response.code == 404
        assert "error" in json.loads(response.body)


async def test_a_server_that_loads_is_waited_for(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    made = await door.json(f"{API}/keys", method="POST", body={"label": "test"})
    await start(door, model=str(model), name="tiny", set={"env": fake_env(load_seconds=1)})
    response = await door.fetch(
        "v1/chat/completions",
        method="POST",
        token=made["secret"],
        body={"model": "tiny", "messages": ASK},
    )
    assert response.code == 200, response.body


async def test_an_engine_that_fails_is_502(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    key = await serve(door, model, fake_env(error_status=500))
    response = await door.fetch(
        "v1/chat/completions", method="POST", token=key, body={"model": "tiny", "messages": ASK}
    )
    assert response.code == 502
    assert json.loads(response.body)["error"]["code"] == "upstream_failed"


async def test_an_engine_that_breaks_off_ends_the_stream_with_an_error(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    key = await serve(door, model, fake_env(break_after=2))
    body = {"model": "tiny", "messages": ASK}
    seen: list[str] = []
    async with asyncio.timeout(5):
        async for event in events(door, key, body | {"stream": True}):
            seen.append(event)
            if "error" in json.loads(event):
                break
    assert json.loads(seen[-1])["error"]["code"] == "upstream_failed"
    plain = await door.fetch("v1/chat/completions", method="POST", token=key, body=body)
    assert plain.code == 502


@pytest.mark.parametrize("when", ["in the stream", "before the first chunk", "not streamed"])
async def test_a_client_that_leaves_ends_generation(
    door: Door,
    model: Path,
    fake_env: Callable[..., dict[str, str]],
    journal: Callable[[str], list[dict[str, Any]]],
    when: str,
) -> None:
    first = 0.0 if when == "in the stream" else 30.0
    pace = fake_env(tokens="word " * 5000, token_seconds=0.01, first_token_seconds=first)
    key = await serve(door, model, pace)
    body = {"model": "tiny", "messages": ASK, "stream": when != "not streamed"}
    probes = len(journal("request"))

    async def listen() -> None:
        async for _ in events(door, key, body):
            if when == "in the stream":
                return

    client = asyncio.ensure_future(listen())
    async with asyncio.timeout(5):
        while len(journal("request")) == probes:
            await asyncio.sleep(0.005)
    if when == "in the stream":
        await client
    else:
        await asyncio.sleep(0.05)
        client.cancel()
    left = time.time()
    async with asyncio.timeout(5):
        while not (closed := journal("closed")):
            await asyncio.sleep(0.005)
    took = closed[0]["time"] - left
    print(f"client left {when}: upstream closed after {took * 1000:.1f} ms")
    assert took < 0.2
