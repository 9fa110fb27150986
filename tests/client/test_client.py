"""How requests are sent, sent again, and refused."""

from __future__ import annotations

import threading
import traceback
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.client.client import Client, shared_client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.errors import ExtensionUnreachable, MLXManagerError, UnknownServer
from mlx_manager_jupyter.schema import ServerRemoved, Snapshot, StartServer
from tests.client.stand_in import HARDWARE, KEY, STATUS, TOKEN, listening, sse, write_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.client.stand_in import Asked

SERVER = {"name": "tiny", "model": "org/tiny", "engine": "mlx-lm", "state": "starting"}
SNAPSHOT = {
    "type": "snapshot", "id": "e-1", "hardware": HARDWARE, "gateway_url": "", "servers": [],
    "profiles": [],
}  # fmt: skip


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Callable[[str], Client]]:
    """Clients that find the door by a connection file; `clients(url)` moves the door."""
    made: list[Client] = []

    def client(url: str, token: str = TOKEN) -> Client:
        file = write_connection(tmp_path / "connection.json", url, token)
        made.append(Client(lambda: read(file)))
        return made[-1]

    yield client
    for each in made:
        each.close()


def test_records_go_out_and_come_in(clients: Callable[[str], Client]) -> None:
    with listening(lambda asked: asked.json(SERVER, 202)) as door:
        started = clients(door.url).servers.start(StartServer(model="org/tiny", keep=True))
    assert started.is_new
    assert started.server.state == "starting"
    assert door.log[0].body is not None
    assert door.log[0].body["model"] == "org/tiny"
    assert door.log[0].bearer == TOKEN


def test_errors_are_raised_again_as_they_were(clients: Callable[[str], Client]) -> None:
    problem = {
        "code": "unknown_server",
        "message": "No server 'tyni'.",
        "hint": "Did you mean tiny?",
    }
    with (
        listening(lambda asked: asked.json(problem, 404)) as door,
        pytest.raises(UnknownServer, match="Did you mean tiny") as caught,
    ):
        clients(door.url).servers.get("tyni/../x")
    assert caught.value.problem.code == "unknown_server"
    assert door.asked == ["GET /mlx-manager/api/servers/tyni%2F..%2Fx"]


def test_an_answer_that_is_not_ours_is_said(clients: Callable[[str], Client]) -> None:
    with (
        listening(lambda asked: asked.json("<html>", 500)) as door,
        pytest.raises(MLXManagerError, match="500 Internal Server Error"),
    ):
        clients(door.url).status()


def test_proxies_of_the_environment_are_left_aside(
    clients: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with listening(lambda asked: asked.json(STATUS)) as door:
        assert clients(door.url).status().hardware.chip == "Abacus"


def test_a_closed_door_is_found_again_behind_another(
    clients: Callable[..., Client], tmp_path: Path
) -> None:
    with listening(lambda asked: asked.json(STATUS)) as door:
        client = clients(door.url)
        client.status()
    with listening(lambda asked: asked.json(SERVER, 202)) as moved:
        write_connection(tmp_path / "connection.json", moved.url)
        # Not idempotent, and yet safe: it was never sent to the closed door.
        assert client.servers.start(StartServer(model="m")).is_new
        assert len(moved.log) == 1
    with pytest.raises(ExtensionUnreachable, match="does not answer"):
        client.status()


def test_a_new_token_is_read_once(clients: Callable[..., Client], tmp_path: Path) -> None:
    def answer(asked: Asked) -> None:
        if asked.bearer == "new":
            asked.json(STATUS)
        else:
            asked.json({"code": "unauthorized", "message": "Who?"}, 401)

    with listening(answer) as door:
        client = clients(door.url, "old")
        with pytest.raises(MLXManagerError, match="Who"):
            client.status()
        assert len(door.log) == 2
        write_connection(tmp_path / "connection.json", door.url, "new")
        assert client.status().version == "0"


def test_what_may_have_been_done_is_not_sent_twice(clients: Callable[[str], Client]) -> None:
    def hang_up(asked: Asked) -> None:
        asked.close_connection = True
        asked.connection.shutdown(2)

    with listening(hang_up) as door:
        client = clients(door.url)
        with pytest.raises(ExtensionUnreachable, match="broke before"):
            client.servers.start(StartServer(model="m"))
        assert len(door.log) == 1
        with pytest.raises(ExtensionUnreachable, match="broke before"):
            client.servers.list()
        assert len(door.log) == 3


def test_events_resume_and_closing_leaves_at_once(clients: Callable[[str], Client]) -> None:
    gone = threading.Event()

    def answer(asked: Asked) -> None:
        removed = {"type": "servers.removed", "id": "e-2", "name": "tiny"}
        asked.stream(b": still here\n\n", sse(SNAPSHOT), sse(removed))
        asked.until_gone()
        gone.set()

    with listening(answer) as door:
        with closing(clients(door.url).events("e-0")) as events:
            assert isinstance(next(events), Snapshot)
            assert next(events) == ServerRemoved(id="e-2", name="tiny")
        assert gone.wait(0.5)
    (asked,) = door.log
    assert asked.headers["Last-Event-ID"] == "e-0"
    assert asked.headers["Accept"] == "text/event-stream"


def test_neither_reprs_nor_tracebacks_show_a_secret(clients: Callable[..., Client]) -> None:
    def answer(asked: Asked) -> None:
        if asked.path.endswith("/keys"):
            key = {"id": "1", "label": "kernel", "created_at": "2026-01-01T00:00:00Z"}
            asked.json({"key": key, "secret": KEY}, 201)
        else:
            asked.json({"code": "internal", "message": "No."}, 500)

    shown = []
    with listening(answer) as door:
        client = clients(door.url)
        shown += [repr(client.keys.create("test")), repr(read), repr(client)]
        shown += [repr(client._transport), repr(vars(client)), repr(client._transport.door)]
        for call in (client.status, client.servers.list):
            with pytest.raises(MLXManagerError) as caught:
                call()
            shown.append("".join(verbose(caught.value)))
    with pytest.raises(ExtensionUnreachable) as refused:
        client.status()
    shown.append("".join(verbose(refused.value)))
    assert not [text for text in shown if TOKEN in text or KEY in text]


def verbose(error: BaseException) -> list[str]:
    """A traceback with the locals of every frame, as IPython's verbose mode shows them."""
    return list(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def test_there_is_one_client_a_process() -> None:
    assert shared_client() is shared_client()
