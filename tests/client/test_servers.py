"""``client.servers`` where the real extension can not be made to do it: ends of waits and logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.client.feed import Feed
from mlx_manager_jupyter.errors import EngineCrashed, ExtensionUnreachable, NotReady
from mlx_manager_jupyter.schema import LogEnd, LogLine, LogRun, Server, StartServer
from tests.client.stand_in import listening, write_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.client.stand_in import Asked, StandIn

SERVER = {"name": "tiny", "model": "org/tiny", "engine": "mlx-lm", "state": "starting"}
CRASHED = {"code": "engine_crashed", "message": "It crashed.", "hint": "See its log."}
GONE = {"code": "unknown_server", "message": "No server 'tiny'."}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Callable[[StandIn], Client]]:
    made: list[Client] = []

    def make(door: StandIn) -> Client:
        file = write_connection(tmp_path / "connection.json", door.url)
        made.append(Client(lambda: read(file)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def answering(*states: dict[str, Any]) -> Callable[[Asked], None]:
    """A start, then these in turn; no events."""
    left = list(states)

    def answer(asked: Asked) -> None:
        if asked.path.endswith("/events"):
            asked.json({"code": "internal", "message": "No."}, 500)
        elif asked.command == "POST":
            asked.json(SERVER, 202)
        else:
            found = left.pop(0)
            asked.json(found, 404 if "code" in found else 200)

    return answer


def serve(client: Client, show: Callable[[Server], object] = lambda _: None) -> Server:
    return client.servers.serve(StartServer(model="m"), Feed(client), show).server


def test_a_wait_shows_every_step_though_no_event_comes(client: Any) -> None:
    steps = [{**SERVER, "state": state} for state in ("loading", "loading", "ready")]
    seen: list[str] = []
    with listening(answering(*steps)) as door:
        served = serve(client(door), lambda server: seen.append(server.state))
    assert served.state == "ready"
    assert seen == ["starting", "loading", "loading", "ready"]


def test_a_crash_that_is_mended_by_itself_says_so(client: Any) -> None:
    failed = {**SERVER, "state": "failed", "error": CRASHED, "retry_at": "2026-01-01T00:00:00Z"}
    with listening(answering(failed)) as door, pytest.raises(EngineCrashed) as caught:
        serve(client(door))
    assert caught.value.hint == "See its log. It will be tried again by itself."


def test_a_server_that_somebody_stops_meanwhile_is_said(client: Any) -> None:
    with (
        listening(answering({**SERVER, "state": "loading"}, GONE)) as door,
        pytest.raises(NotReady, match="was stopped while it started"),
    ):
        serve(client(door))


def frame(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def test_a_log_is_followed_to_its_end(client: Any) -> None:
    sent = [
        frame("run", name="tiny", run="a"),
        frame("line", run="a", number=1, text="one\u2028still one"),
        b": still here\n\n",
        frame("news", of="a later version"),
        frame("end", name="tiny", state="stopped", error=None),
        frame("line", run="a", number=2, text="never"),
    ]
    with listening(lambda asked: asked.stream(*sent)) as door:
        got = list(client(door).servers.follow("tiny", 5))
    assert got == [
        LogRun(name="tiny", run="a"),
        LogLine(run="a", number=1, text="one\u2028still one"),
        LogEnd(name="tiny", state="stopped"),
    ]
    (asked,) = door.asked
    assert asked == "GET /mlx-manager/api/servers/tiny/logs?follow=true&lines=5"


def test_a_log_that_breaks_off_is_no_end(client: Any) -> None:
    sent = frame("run", name="tiny", run="a")
    with listening(lambda asked: asked.stream(sent)) as door:
        events = client(door).servers.follow("tiny")
        assert next(events) == LogRun(name="tiny", run="a")
        with pytest.raises(ExtensionUnreachable, match="broke off"):
            next(events)
