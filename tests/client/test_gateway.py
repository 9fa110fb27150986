"""Chat streams through a gateway that misbehaves on order."""

from __future__ import annotations

import copy
import pickle
import threading
import time
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.client.gateway import ChatRequest
from mlx_manager_jupyter.errors import (
    ExtensionUnreachable,
    MLXManagerError,
    NotFound,
    UpstreamFailed,
)
from tests.client.stand_in import (
    DONE,
    KEY,
    TOKEN,
    USAGE,
    chunk,
    listening,
    sse,
    write_connection,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlx_manager_jupyter.client.reply import Reply
    from tests.client.stand_in import Asked, StandIn

ASK = ChatRequest(model="tiny", messages=({"role": "user", "content": "hi"},), seed=7)


class Asking:
    """Asks a stand-in that makes keys, and otherwise answers as a test wants."""

    def __init__(self, door: StandIn, client: Client) -> None:
        self.door = door
        self.client = client
        self.keys = 0
        self.reply: Reply | None = None

    def ask(self, answer: Callable[[Asked], None]) -> list[str]:
        self.answer_with(answer)
        with self.client.chat(ASK) as stream:
            try:
                return [f"{delta.kind}:{delta.text}" for delta in stream]
            finally:
                self.reply = stream.reply()

    def answer_with(self, answer: Callable[[Asked], None]) -> None:
        def with_keys(asked: Asked) -> None:
            if not asked.path.endswith("/keys"):
                answer(asked)
                return
            self.keys += 1
            key = {"id": "1", "label": "kernel", "created_at": "2026-01-01T00:00:00Z"}
            asked.json({"key": key, "secret": f"{KEY}-{self.keys}"}, 201)

        self.door.answer = with_keys


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    with listening(lambda _: None) as door:
        client = Client(lambda: read(write_connection(tmp_path / "c.json", door.url)))
        yield Asking(door, client)
        client.close()


def test_an_answer_with_all_its_facts(asking: Asking) -> None:
    def answer(asked: Asked) -> None:
        asked.stream(
            b": keepalive 3/3\n\n",
            sse(chunk(role="assistant", reasoning="Hm", reasoning_content="Hm")),
            sse(chunk(content='{"a": ')),
            sse(chunk(content="1}")),
            sse(chunk(finish="stop"), USAGE),
            DONE,
            X_MLX_Server="tiny",
            X_MLX_Model="org/tiny",
            X_MLX_Revision="abc",
            X_MLX_Engine="mlx-lm",
        )

    assert asking.ask(answer) == ["reasoning:Hm", 'text:{"a": ', "text:1}"]
    reply = asking.reply
    assert reply is not None
    assert reply == reply.text == '{"a": 1}'
    assert reply.data == {"a": 1}
    assert (reply.reasoning, reply.server, reply.model) == ("Hm", "tiny", "org/tiny")
    assert (reply.revision, reply.engine, reply.seed) == ("abc", "mlx-lm", 7)
    assert reply.finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 214
    assert reply.timings.first_token_seconds is not None
    assert reply.timings.total_seconds >= reply.timings.first_token_seconds > 0
    assert reply.timings.reasoning_seconds is not None
    again = pickle.loads(pickle.dumps(reply))  # noqa: S301  our own
    assert again.facts == copy.deepcopy(reply).facts == reply.facts

    make_key, asked = asking.door.log
    assert make_key.bearer == TOKEN
    assert asked.bearer == f"{KEY}-1"
    assert asked.body == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "hi"}],
        "seed": 7,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_forgotten_key_is_made_anew_once(asking: Asking) -> None:
    def answer(asked: Asked) -> None:
        if asked.bearer == f"{KEY}-2":
            asked.stream(sse(chunk(content="ok", finish="stop")), DONE)
        else:
            asked.json({"error": {"message": "Which key?", "code": "unauthorized"}}, 401)

    assert asking.ask(answer) == ["text:ok"]
    assert asking.ask(answer) == ["text:ok"]  # and kept
    assert asking.keys == 2


def test_errors_in_openai_shape_become_ours(asking: Asking) -> None:
    def answer(asked: Asked) -> None:
        error = {"message": "No model 'x'. Did you mean tiny?", "type": "t", "code": "not_found"}
        asked.json({"error": {**error, "param": None}}, 404)

    with pytest.raises(NotFound, match="Did you mean tiny"):
        asking.ask(answer)


@pytest.mark.parametrize(
    ("end", "kind", "words"),
    [
        (
            sse({"error": {"message": "It died.", "code": "engine_crashed"}}),
            MLXManagerError,
            "died",
        ),
        (sse({"error": {"message": "It died.", "code": None}}), UpstreamFailed, "died"),
        (b"", UpstreamFailed, "broke off"),
        (b"data: {not json\n\n", UpstreamFailed, "no answer"),
    ],
)
def test_a_bad_end_raises_and_the_partial_text_stays(
    asking: Asking, end: bytes, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        asking.ask(lambda asked: asked.stream(sse(chunk(content="half ")), end))
    reply = asking.reply
    assert reply is not None
    assert reply == "half "
    assert reply.finish_reason is None


def test_a_cut_connection_is_no_end(asking: Asking) -> None:
    def answer(asked: Asked) -> None:
        asked.send_response(200)
        asked.send_header("Content-Length", "1000")
        asked.end_headers()
        asked.wfile.write(sse(chunk(content="half ")))
        asked.close_connection = True

    with pytest.raises(ExtensionUnreachable, match="broke before"):
        asking.ask(answer)
    assert asking.reply == "half "


def test_leaving_closes_the_connection_at_once(asking: Asking) -> None:
    gone = threading.Event()

    def answer(asked: Asked) -> None:
        asked.stream(sse(chunk(content="one ")))
        asked.until_gone()
        gone.set()

    asking.answer_with(answer)
    with asking.client.chat(ASK) as stream:
        assert next(iter(stream)).text == "one "
        left = time.perf_counter()
    assert gone.wait(1)
    assert time.perf_counter() - left < 0.1
