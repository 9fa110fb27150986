"""The real mlx-vlm behind the real extension: it sees, talks and embeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tornado.httpclient import AsyncHTTPClient

from mlx_manager_jupyter.schema import StoredServer
from tests.extension.stopping import stop_amid_a_stream
from tests.extension.test_gateway import ASK, events
from tests.extension.test_mlx_lm import jp_server_config
from tests.extension.test_servers import API, failed, start, until
from tests.fixtures import embedding, seeing
from tests.fixtures.jupyter import started_from
from tests.fixtures.models import SAYS, THINKS, break_model, make
from tests.fixtures.pictures import data_url, png
from tests.services.extensions import another_jupyter
from tests.services.extensions import extension as another

if TYPE_CHECKING:
    from mlx_manager_jupyter.extension.app import MLXManager
    from tests.extension.conftest import Door

__all__ = ["jp_server_config"]  # no engine is configured here either

pytestmark = pytest.mark.engine

RED, BLUE, MOSTLY_BLUE = png(250, 10, 10), png(10, 10, 250), png(20, 60, 90, side=130)


async def serve(door: Door, folder: Path, **fields: Any) -> tuple[dict[str, Any], str]:
    await start(door, model=str(folder), name="tiny", set=fields)
    server = await until(door, "tiny", "ready", seconds=60)
    made = await door.json(f"{API}/keys", method="POST", body={"label": "test"})
    return server, made["secret"]


def text_of(file: str) -> str:
    return Path(file).read_text("utf-8")


def about(*pictures: bytes) -> dict[str, Any]:
    parts = [{"type": "image_url", "image_url": {"url": data_url(one)}} for one in pictures]
    question = {"type": "text", "text": "What colour is this picture?"}
    return {"model": "tiny", "messages": [{"role": "user", "content": [*parts, question]}]}


async def test_a_model_that_sees_answers_about_a_picture(door: Door, tmp_path: Path) -> None:
    server, key = await serve(door, seeing.make(tmp_path / "m"), temperature=0.0)
    assert server["engine"] == "mlx-vlm", "chosen by what the model is"
    assert server["engine_version"]
    for picture, colour in ((RED, "red"), (BLUE, "blue"), (MOSTLY_BLUE, "blue")):
        whole = await door.json(
            "v1/chat/completions", method="POST", token=key, body=about(picture)
        )
        assert whole["choices"][0]["message"]["content"] == colour
        assert whole["model"] == "tiny"
        assert whole["usage"]["completion_tokens"] == 2
    body = about(RED) | {"stream": True}
    seen = [json.loads(event) async for event in events(door, key, body) if event != "[DONE]"]
    assert "".join(each["choices"][0]["delta"]["content"] or "" for each in seen) == "red"
    assert {each["model"] for each in seen} == {"tiny"}, "never the path that it was started with"
    blind = await door.json("v1/chat/completions", method="POST", token=key, body=about())
    assert blind["choices"][0]["message"]["content"] == "nothing"
    print(f"ready after {server['ready_seconds']:.2f} s")


async def test_nobody_talks_to_the_engine_but_the_gateway(
    door: Door, extension: MLXManager, tmp_path: Path
) -> None:
    server, key = await serve(door, make("chat", tmp_path / "m"), engine="mlx-vlm")
    (stored,) = extension._store.list(StoredServer)
    assert stored.api_key
    for secret, opens in ((None, False), (key, False), ("", False), (stored.api_key, True)):
        headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
        for path in ("v1/models", "health", "v1/settings"):
            answer = await AsyncHTTPClient().fetch(
                f"http://127.0.0.1:{server['port']}/{path}", headers=headers, raise_error=False
            )
            assert answer.code == (200 if opens else 401), (secret, path)
    engine = psutil.Process(server["pid"])
    assert stored.api_key not in " ".join(engine.cmdline())
    told = [await door.fetch(f"{API}/{of}") for of in ("servers", "servers/tiny", "status")]
    shown = "".join(each.body.decode() for each in told)
    shown += repr(stored) + text_of(stored.log)
    assert stored.api_key not in shown
    # Another Jupyter knows the key from the store, and finds the server well.
    with another_jupyter() as me:
        async with another(Path(extension.home), me, health_interval=0.1) as other:
            await other.ready("tiny")
            adopted = other.servers._registry.get("tiny")
            await adopted.examine(30.0)
            assert (adopted.ready, adopted.pulse.health) == (True, "ok")


async def test_text_is_answered_too_and_a_wrong_value_is_told(door: Door, tmp_path: Path) -> None:
    folder = make("chat", tmp_path / "m")
    fields = {"max_tokens": 64, "seed": 1, "top_k": 1, "context_length": 256}
    server, key = await serve(door, folder, engine="mlx-vlm", **fields)
    assert server["engine"] == "mlx-vlm"
    body = {"model": "tiny", "messages": ASK}
    whole = await door.json("v1/chat/completions", method="POST", token=key, body=body)
    assert whole["choices"][0]["message"]["content"] == SAYS["chat"]
    wrong = body | {"temperature": "warm"}
    refused = await door.fetch("v1/chat/completions", method="POST", token=key, body=wrong)
    assert refused.code == 400
    assert "valid number" in json.loads(refused.body)["error"]["message"]
    long = {"model": "tiny", "messages": [{"role": "user", "content": "word " * 200}]}
    refused = await door.fetch("v1/chat/completions", method="POST", token=key, body=long)
    assert refused.code == 400
    assert "context" in json.loads(refused.body)["error"]["message"]


async def test_it_thinks_when_the_profile_says_so(door: Door, tmp_path: Path) -> None:
    """By itself it does not; the gateway says it in each request that says nothing of it."""
    fields = {"engine": "mlx-vlm", "chat_template_args": {"enable_thinking": True}}
    _, key = await serve(door, make("think", tmp_path / "m"), **fields)
    body = {"model": "tiny", "messages": ASK}
    whole = await door.json("v1/chat/completions", method="POST", token=key, body=body)
    message = whole["choices"][0]["message"]
    assert (message["reasoning"].strip(), message["content"].strip()) == (THINKS, SAYS["think"])
    quiet = body | {"enable_thinking": False}
    whole = await door.json("v1/chat/completions", method="POST", token=key, body=quiet)
    assert "reasoning" not in whole["choices"][0]["message"]


async def test_a_model_that_embeds_is_ready_when_it_does(
    door: Door, extension: MLXManager, tmp_path: Path
) -> None:
    folder = embedding.make(tmp_path / "m")
    server, _ = await serve(door, folder)
    assert server["engine"] == "mlx-vlm"
    (stored,) = extension._store.list(StoredServer)
    vectors = await _embed(stored, ["cat", "kitten", "car"])
    alike, apart = (_dot(vectors[0], other) for other in vectors[1:])
    assert alike > 0.9
    assert apart < 0.5
    assert (await door.fetch(f"{API}/servers/tiny", method="DELETE")).code == 204
    assert started_from(tmp_path) == []


async def test_it_stops_while_it_answers_without_end(door: Door, tmp_path: Path) -> None:
    """By itself it would wait for the open stream."""
    fields = {"engine": "mlx-vlm", "max_tokens": 1_000_000}
    server, key = await serve(door, make("endless", tmp_path / "m"), **fields)
    took = await stop_amid_a_stream(door, server, key)
    assert started_from(tmp_path) == []
    print(f"stopped in the middle of a stream after {took:.2f} s")


@pytest.mark.parametrize(
    ("fault", "code"), [("bad_type", "unsupported_model"), ("bad_shape", "start_failed")]
)
async def test_what_only_the_engine_can_see_fails_with_a_reason(
    door: Door, tmp_path: Path, fault: str, code: str
) -> None:
    broken = break_model(fault, tmp_path / "m")
    await start(door, model=str(broken), name="broken", set={"engine": "mlx-vlm"})
    server = await failed(door, "broken")
    assert server["error"]["code"] == code, server["error"]
    assert server["error"]["hint"]
    assert started_from(tmp_path) == []


async def _embed(stored: StoredServer, texts: list[str]) -> list[list[float]]:
    answer = await AsyncHTTPClient().fetch(
        f"http://127.0.0.1:{stored.port}/v1/embeddings",
        method="POST",
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {stored.api_key}",
        },
        body=json.dumps({"model": stored.served_name, "input": texts}),
    )
    return [each["embedding"] for each in json.loads(answer.body)["data"]]


def _dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
