"""The real mlx-lm behind the real extension, on tiny models that say a known sentence."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tornado.httpclient import AsyncHTTPClient

from tests.extension.stopping import stop_amid_a_stream
from tests.extension.test_gateway import ASK, events
from tests.extension.test_servers import API, failed, start, until
from tests.fixtures.jupyter import started_from
from tests.fixtures.models import SAYS, THINKS, break_model, make

if TYPE_CHECKING:
    from pathlib import Path

    from tests.extension.conftest import Door

pytestmark = pytest.mark.engine


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    """No engine is configured: mlx-lm is found beside this Python."""
    return {
        "ServerApp": {
            "jpserver_extensions": {"mlx_manager_jupyter": True},
            "allow_unauthenticated_access": False,
        }
    }


async def serve(door: Door, folder: Path, **fields: Any) -> tuple[dict[str, Any], str]:
    await start(door, model=str(folder), name="tiny", set=fields)
    server = await until(door, "tiny", "ready", seconds=60)
    made = await door.json(f"{API}/keys", method="POST", body={"label": "test"})
    return server, made["secret"]


async def test_a_real_model_answers_streamed_and_whole(door: Door, tmp_path: Path) -> None:
    server, key = await serve(door, make("chat", tmp_path / "m"), temperature=0.0, max_tokens=64)
    body = {"model": "tiny", "messages": ASK, "stream": True}
    seen = [json.loads(e) async for e in events(door, key, body) if e != "[DONE]"]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in seen)
    assert text == SAYS["chat"]
    assert {chunk["model"] for chunk in seen} == {"tiny"}
    whole = await door.json(
        "v1/chat/completions", method="POST", token=key, body=body | {"stream": False}
    )
    assert whole["choices"][0]["message"]["content"] == SAYS["chat"]
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"]["completion_tokens"] > 5
    print(f"ready after {server['ready_seconds']:.2f} s")
    for origin in ("https://evil.example", "null", "http://127.0.0.1:8888", "none"):
        answer = await AsyncHTTPClient().fetch(
            f"http://127.0.0.1:{server['port']}/v1/models", headers={"Origin": origin}
        )
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed == (origin if origin == "none" else None)  # no page has that one
    assert (await door.fetch(f"{API}/servers/tiny", method="DELETE")).code == 204
    assert started_from(tmp_path) == []


async def test_thoughts_come_apart_from_the_answer(door: Door, tmp_path: Path) -> None:
    _, key = await serve(door, make("think", tmp_path / "m"))
    body = {"model": "tiny", "messages": ASK}
    whole = await door.json("v1/chat/completions", method="POST", token=key, body=body)
    message = whole["choices"][0]["message"]
    assert message["reasoning"].strip() == THINKS
    assert message["content"].strip() == SAYS["think"]


async def test_it_stops_while_it_answers_without_end(door: Door, tmp_path: Path) -> None:
    server, key = await serve(door, make("endless", tmp_path / "m"), max_tokens=1_000_000)
    took = await stop_amid_a_stream(door, server, key)
    assert started_from(tmp_path) == []
    print(f"stopped in the middle of a stream after {took:.2f} s")


@pytest.mark.parametrize("way", ["streamed", "whole"])
async def test_a_client_that_leaves_stops_the_real_engine(
    door: Door, tmp_path: Path, way: str
) -> None:
    server, key = await serve(door, make("endless", tmp_path / "m"))
    body = {"model": "tiny", "messages": ASK, "stream": way == "streamed", "max_tokens": 1_000_000}

    async def listen() -> None:
        async for _ in events(door, key, body):
            pass

    client = asyncio.ensure_future(listen())
    engine = psutil.Process(server["pid"])
    before = engine.cpu_times().user
    await asyncio.sleep(1.5)
    assert engine.cpu_times().user - before > 0.3, "it generates"
    client.cancel()
    await asyncio.sleep(1.0)
    idle_from, began = engine.cpu_times().user, time.monotonic()
    await asyncio.sleep(1.5)
    share = (engine.cpu_times().user - idle_from) / (time.monotonic() - began)
    print(f"share of a core after the client left: {share:.3f}")
    assert share < 0.1, "nothing generates after the client left"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("bad_type", "unsupported_model"),
        ("bad_shape", "start_failed"),
        ("no_tokenizer", "model_unusable"),
    ],
)
async def test_what_only_the_engine_can_see_fails_with_a_reason(
    door: Door, tmp_path: Path, fault: str, code: str
) -> None:
    await start(door, model=str(break_model(fault, tmp_path / "m")), name="broken")
    server = await failed(door, "broken")
    assert server["error"]["code"] == code, server["error"]
    assert server["error"]["hint"]
    assert started_from(tmp_path) == []
