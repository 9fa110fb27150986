"""What is asked of an engine at each endpoint, and what is told of its answer and its refusal."""

from __future__ import annotations

import asyncio
import base64
import json
from array import array
from typing import TYPE_CHECKING, Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse

from mlx_manager_jupyter.extension.asking import LARGEST_BODY
from tests.extension.test_gateway import ASK, journal, serve
from tests.extension.test_servers import API, start, until
from tests.fixtures.elsewhere import Elsewhere, Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.extension.conftest import Door

__all__ = ["journal"]

FORM = "multipart/form-data; boundary=sound"
#: Of a sound: what no text may hold, and what looks like the end of a part.
SOUND = bytes(range(256)) * 2000 + b"\r\n--sou\r\n\r\nmodel\r\n"


async def elsewhere(door: Door, place: Elsewhere, **fields: Any) -> str:
    """A remote named far, and a key."""
    told = {"engine": "remote", "base_url": place.url, **fields}
    await start(door, model="there", name="far", set=told)
    await until(door, "far", "ready")
    made = await door.json(f"{API}/keys", method="POST", body={"label": "test"})
    secret: str = made["secret"]
    return secret


async def ask(door: Door, key: str, endpoint: str, **body: Any) -> Any:
    """The status, and the JSON of the answer."""
    response = await door.fetch(
        f"v1/{endpoint}", method="POST", token=key, body={"model": "far", **body}
    )
    return response.code, json.loads(response.body)


async def upload(door: Door, key: str, kind: str, body: bytes) -> HTTPResponse:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": kind}
    url = f"{door.url}v1/audio/transcriptions"
    request = HTTPRequest(url, "POST", headers, body, request_timeout=60)
    return await AsyncHTTPClient().fetch(request, raise_error=False)


def form(boundary: str = "sound", **parts: str | bytes) -> bytes:
    lines = []
    for name, value in parts.items():
        file = '; filename="a.wav"\r\nContent-Type: audio/wav' if name == "file" else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        lines.append(head.encode() + (value if isinstance(value, bytes) else value.encode()))
    return b"\r\n".join([*lines, f"--{boundary}--\r\n".encode()])


def text_chunk(text: str, finish: str | None = None, **choice: Any) -> dict[str, Any]:
    return {
        "id": "c",
        "object": "text_completion",
        "model": "there",
        "choices": [{"index": 0, "text": text, "finish_reason": finish, **choice}],
    }


async def test_a_text_goes_on_under_the_name_that_was_asked(door: Door) -> None:
    worth = {"tokens": ["Par"], "token_logprobs": [-0.5]}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    reply = Reply.stream(
        text_chunk("Par", logprobs=worth),
        text_chunk("is", "stop"),
        text_chunk("") | {"choices": [], "usage": usage},
        "[DONE]",
    )
    with Elsewhere({"completions": reply}) as place:
        key = await elsewhere(door, place, temperature=0.5)
        status, answer = await ask(door, key, "completions", prompt=["In France"], logprobs=1)
    assert status == 200
    assert answer["object"] == "text_completion"
    assert (answer["model"], answer["usage"]) == ("far", usage)
    (choice,) = answer["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("Paris", "stop")
    assert choice["logprobs"] == worth
    sent = place.last
    assert (sent["prompt"], sent["model"], sent["temperature"]) == ("In France", "there", 0.5)
    assert sent["stream"] is True, "nothing else can be cancelled"


async def test_several_answers_come_from_who_can_give_them(door: Door) -> None:
    def chunk(index: int, text: str) -> dict[str, Any]:
        choice = {"index": index, "delta": {"content": text}, "finish_reason": "stop"}
        return {"id": "c", "model": "there", "choices": [choice]}

    with Elsewhere(
        {"chat/completions": Reply.stream(chunk(1, "b"), chunk(0, "a"), "[DONE]")}
    ) as at:
        key = await elsewhere(door, at)
        _, answer = await ask(door, key, "chat/completions", messages=ASK, n=2)
    assert [each["message"]["content"] for each in answer["choices"]] == ["a", "b"]


@pytest.mark.parametrize("encoding", ["base64", "float", None])
async def test_vectors_come_in_the_encoding_that_was_asked(
    door: Door, encoding: str | None
) -> None:
    vector = [0.5, -2.0]
    data = [{"object": "embedding", "index": 0, "embedding": vector}]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    said = Reply.json({"object": "list", "data": data, "model": "there", "usage": usage})
    with Elsewhere({"embeddings": said}) as place:
        key = await elsewhere(door, place)
        _, answer = await ask(door, key, "embeddings", input="cat", encoding_format=encoding)
    assert (answer["object"], answer["model"], answer["usage"]) == ("list", "far", usage)
    got = answer["data"][0]["embedding"]
    if encoding == "base64":
        assert got == base64.b64encode(array("f", vector).tobytes()).decode()
    else:
        assert got == vector
    sent = place.last
    assert (sent["input"], sent["model"]) == ("cat", "there")
    assert ("encoding_format" in sent) == (encoding is not None), "null means nothing"


@pytest.mark.parametrize("sound", [b"RIFF", SOUND], ids=["small", "large"])
async def test_a_sound_passes_untouched_under_the_servers_own_name(
    door: Door, sound: bytes
) -> None:
    said = Reply(b"1\n00:00:00,000 --> 00:00:01,000\nHello\n", "text/plain; charset=utf-8")
    with Elsewhere({"audio/transcriptions": said}) as place:
        key = await elsewhere(door, place)
        body = form(model="far", file=sound, response_format="srt", stream="false")
        response = await upload(door, key, "multipart/form-data; boundary=sound", body)
    assert response.code == 200
    assert response.body == said.body
    assert response.headers["Content-Type"] == said.kind
    _, kind, came = place.asked[-1]
    assert kind == "multipart/form-data; boundary=sound"
    assert came == form(model="there", file=sound, response_format="srt", stream="false")


@pytest.mark.parametrize(
    ("kind", "body", "word"),
    [
        ("application/json", b"{}", "no form"),
        ("multipart/form-data", form(model="far", file="x"), "no form"),
        (FORM, form(model="far"), "'file'"),
        (FORM, form(file="x"), "'model'"),
        (FORM, form(model="far", file="x")[:-9], "breaks off"),
        (FORM, form(model="far", file="x", stream="true"), "stream"),
        (FORM, form(model=b"\xff", file="x"), "no text"),
        (FORM, form(model="f" * 20_000, file="x"), "too long"),
    ],
)
async def test_a_form_that_is_none_says_why(door: Door, kind: str, body: bytes, word: str) -> None:
    made = await door.json(f"{API}/keys", method="POST", body={"label": "test"})
    response = await upload(door, made["secret"], kind, body)
    assert response.code == 400
    error = json.loads(response.body)["error"]
    assert error["type"] == "invalid_request_error"
    assert word in error["message"]


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [("embeddings", {"input": "cat"}), ("images/generations", {"prompt": "a cat"})],
)
async def test_a_client_that_leaves_closes_what_comes_in_one_piece(
    door: Door, endpoint: str, body: dict[str, Any]
) -> None:
    with Elsewhere({endpoint: Reply(b"", never=True)}) as place:
        key = await elsewhere(door, place)
        asked = json.dumps({"model": "far", **body}).encode()
        host, port = door.url.removeprefix("http://").rstrip("/").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"POST /v1/{endpoint} HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Authorization: Bearer {key}\r\nContent-Length: {len(asked)}\r\n\r\n".encode()
            + asked
        )
        async with asyncio.timeout(20):
            while not any(path == endpoint for path, _, _ in place.asked):
                await asyncio.sleep(0.01)
            assert not place.left.is_set()
            writer.close()
            while not place.left.is_set():
                await asyncio.sleep(0.01)


async def test_a_picture_is_passed_on(door: Door) -> None:
    said = {"created": 7, "data": [{"b64_json": "AAAA"}]}
    with Elsewhere({"images/generations": Reply.json(said)}) as place:
        key = await elsewhere(door, place)
        assert await ask(door, key, "images/generations", prompt="a cat", size="1x1") == (200, said)
        status, answer = await ask(door, key, "images/generations", prompt="a cat", stream=True)
    assert place.last == {"model": "there", "prompt": "a cat", "size": "1x1"}
    assert (status, answer["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (None, 501, "not_offered"),
        (Reply.json({"detail": "Not Found"}, 404), 501, "not_offered"),
        (Reply.json({"detail": "Method Not Allowed"}, 405), 501, "not_offered"),
        (Reply(b"404 page not found", "text/plain", 404), 501, "not_offered"),
        (Reply(b"<html><h1>404</h1>", "text/html", 404), 501, "not_offered"),
        (Reply.json({"error": {"message": "no such thing", "code": 1}}, 501), 501, "not_offered"),
        (Reply.json({"error": {"message": "No model `x`"}}, 404), 400, "bad_request"),
        (Reply.json({"error": "too hot"}, 400), 400, "bad_request"),
        (Reply.json({"error": "burnt"}, 500), 502, "upstream_failed"),
        (Reply.json(["nothing", "of", "the", "kind"]), 502, "upstream_failed"),
    ],
)
async def test_a_server_elsewhere_says_what_it_lacks(
    door: Door, reply: Reply | None, status: int, code: str
) -> None:
    with Elsewhere({"embeddings": reply} if reply else {}) as place:
        key = await elsewhere(door, place)
        got, answer = await ask(door, key, "embeddings", input="cat")
    assert (got, answer["error"]["code"]) == (status, code)
    assert answer["error"]["message"]


async def test_an_engine_that_lacks_it_is_never_asked(
    door: Door,
    model: Path,
    fake_env: Callable[..., dict[str, str]],
    journal: Callable[[str], list[dict[str, Any]]],
) -> None:
    key = await serve(door, model, fake_env())
    asked = len(journal("request"))
    status, answer = await ask(door, key, "embeddings", model="tiny", input="cat")
    assert status == 501
    error = answer["error"]
    assert (error["code"], error["type"]) == ("not_offered", "server_error")
    assert "It offers chat/completions, completions, responses, messages." in error["message"]
    assert len(journal("request")) == asked


@pytest.mark.parametrize(
    ("endpoint", "body", "word"),
    [
        ("completions", {}, "'prompt'"),
        ("completions", {"prompt": ["a", "b"]}, "list as 'prompt'"),
        ("completions", {"prompt": "a", "echo": True}, "'echo'"),
        ("completions", {"prompt": "a", "best_of": 3}, "'best_of'"),
        ("completions", {"prompt": "a", "logprobs": 0}, "'logprobs'"),
        ("chat/completions", {"messages": ASK, "n": 2}, "'n'"),
        ("chat/completions", {"messages": ASK, "logprobs": True}, "'logprobs'"),
    ],
)
async def test_what_its_streams_have_no_place_for_is_refused(
    door: Door,
    model: Path,
    fake_env: Callable[..., dict[str, str]],
    *,
    endpoint: str,
    body: dict[str, Any],
    word: str,
) -> None:
    key = await serve(door, model, fake_env())
    status, answer = await ask(door, key, endpoint, model="tiny", **body)
    assert status == 400
    assert word in answer["error"]["message"]


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("embeddings", {}),
        ("embeddings", {"input": []}),
        ("embeddings", {"input": ""}),
        ("images/generations", {}),
        ("images/generations", {"prompt": 3}),
    ],
)
async def test_a_request_for_nothing_is_refused(
    door: Door, endpoint: str, body: dict[str, Any]
) -> None:
    made = await door.json(f"{API}/keys", method="POST", body={"label": "test"})
    status, answer = await ask(door, made["secret"], endpoint, **body)
    assert (status, answer["error"]["code"]) == (400, "bad_request")


async def test_an_error_in_a_stream_is_told_as_one(door: Door) -> None:
    piece = {"model": "there", "choices": [{"index": 0, "delta": {"content": "a"}}]}
    broken = {"error": "No Metal back-end."}
    with Elsewhere({"chat/completions": Reply.stream(broken)}) as place:
        key = await elsewhere(door, place)
        status, answer = await ask(door, key, "chat/completions", messages=ASK)
        assert (status, answer["error"]["code"]) == (502, "upstream_failed")
        assert "No Metal back-end" in answer["error"]["message"]
        status, _ = await ask(door, key, "chat/completions", messages=ASK, stream=True)
        assert status == 502, "nothing has been told yet"
        place.replies = {"chat/completions": Reply.stream(piece, {"error": {"message": "gone"}})}
        body = {"model": "far", "messages": ASK, "stream": True}
        told = await door.fetch("v1/chat/completions", method="POST", token=key, body=body)
        assert b"gone" in told.body, "in an event, or alone if nothing was told before"


@pytest.mark.parametrize(
    "chunk",
    ["nonsense", "\udcff", [], {"choices": 3}, {"choices": [3]}, {"choices": [{"delta": 3}]}],
)
async def test_events_of_no_known_shape_are_an_error_of_the_engine(door: Door, chunk: Any) -> None:
    events = Reply.stream("", "[DONE]")
    said = chunk if isinstance(chunk, str) else json.dumps(chunk)
    events.body = b"data: " + said.encode("utf-8", "surrogateescape") + b"\n\n" + events.body
    with Elsewhere({"chat/completions": events}) as place:
        key = await elsewhere(door, place)
        status, answer = await ask(door, key, "chat/completions", messages=ASK)
    assert (status, answer["error"]["code"]) == (502, "upstream_failed")


async def test_null_is_nothing_and_a_large_picture_follows_the_system_prompt(
    door: Door,
    model: Path,
    fake_env: Callable[..., dict[str, str]],
    journal: Callable[[str], list[dict[str, Any]]],
) -> None:
    key = await serve(door, model, fake_env(), system_prompt="Be terse.", seed=7)
    large = [{"role": "user", "content": "x" * 2_000_000}]
    body = {"model": "tiny", "messages": large, "temperature": None, "seed": None}
    await door.json("v1/chat/completions", method="POST", token=key, body=body)
    sent = journal("request")[-1]["body"]
    assert sent["messages"] == [{"role": "system", "content": "Be terse."}, *large]
    assert "temperature" not in sent
    assert sent["seed"] == 7
    own = [{"role": "developer", "content": "Be long."}, *ASK]
    await door.json(
        "v1/chat/completions", method="POST", token=key, body={"model": "tiny", "messages": own}
    )
    assert journal("request")[-1]["body"]["messages"] == own


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize(
    ("known", "status", "code"), [(True, 413, "too_large"), (False, 401, "unauthorized")]
)
async def test_what_is_too_large_is_said_and_not_kept(
    door: Door, framing: str, *, known: bool, status: int, code: str
) -> None:
    """A client that only listens once it has sent everything hears it too."""
    made = await door.json(f"{API}/keys", method="POST", body={"label": "test"})
    # A stranger's may be as large as what is read of anybody, and no larger.
    size = LARGEST_BODY + 2**20 if known else LARGEST_BODY // 10
    host, port = door.url.removeprefix("http://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    length = f"Content-Length: {size}" if framing == "length" else "Transfer-Encoding: chunked"
    writer.write(
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}:{port}\r\n{length}\r\n"
        f"Authorization: Bearer {made['secret'] if known else 'nobody'}\r\n\r\n".encode()
    )
    piece = bytes(2**20)
    async with asyncio.timeout(60):
        for _ in range(size // len(piece)):
            writer.write(piece if framing == "length" else b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n" if framing == "chunked" else bytes(size % len(piece)))
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        found = [line for line in head.lower().splitlines() if line.startswith("content-length")]
        answer = json.loads(await reader.readexactly(int(found[0].split(":")[1])))
    writer.close()
    await writer.wait_closed()
    assert int(head.split()[1]) == status
    assert answer["error"]["message"]
    assert answer["error"]["code"] == code
