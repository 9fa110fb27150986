from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.client.feed import HISTORY_POINTS, Feed, apply
from mlx_manager_jupyter.schema import AnyEvent, Snapshot
from tests.client.stand_in import HARDWARE, MEMORY, listening, sse, write_connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlx_manager_jupyter.client.feed import Picture
    from tests.client.stand_in import Asked

SERVER = {"name": "tiny", "model": "org/tiny", "engine": "mlx-lm", "state": "loading"}
PROFILE = {"name": "p", "model": "org/tiny"}
SNAPSHOT = {
    "type": "snapshot", "id": "e-1", "hardware": HARDWARE, "gateway_url": "", "servers": [SERVER],
    "profiles": [],
}  # fmt: skip


def event(kind: str, number: int = 2, **facts: object) -> dict[str, object]:
    return {"type": kind, "id": f"e-{number}", **facts}


def after(*events: dict[str, object]) -> Snapshot:
    state: Snapshot | None = None
    for each in (SNAPSHOT, *events):
        state = apply(state, msgspec.convert(each, AnyEvent))
    assert state is not None
    return state


def test_every_event_changes_the_picture() -> None:
    ready = {**SERVER, "state": "ready"}
    other = {**SERVER, "name": "other"}
    state = after(
        event("servers.changed", server=other),
        event("servers.changed", server=ready),
        event("profiles.changed", profile=PROFILE),
    )
    assert [(server.name, server.state) for server in state.servers] == [
        ("tiny", "ready"),
        ("other", "loading"),
    ]
    assert [profile.name for profile in state.profiles] == ["p"]
    gone = after(
        event("profiles.changed", profile=PROFILE),
        event("profiles.removed", name="p"),
        event("servers.removed", name="tiny"),
    )
    assert (gone.servers, gone.profiles) == ((), ())


def test_metrics_make_history_and_a_removed_server_takes_its_own_along() -> None:
    def sampled(rate: float) -> dict[str, object]:
        load = {"tokens_per_second": rate}
        sample = {"time": "2026-01-01T00:00:00Z", "memory": MEMORY, "servers": {"tiny": load}}
        return event("metrics.sampled", metrics=sample)

    samples = [sampled(float(number)) for number in range(HISTORY_POINTS + 5)]
    history = after(*samples).history["tiny"]
    assert len(history) == HISTORY_POINTS
    assert history[-1] == HISTORY_POINTS + 4
    assert after(*samples, event("servers.removed", name="tiny")).history == {}


def test_downloads_follow_their_samples_and_the_rest_is_replaced() -> None:
    one = {"id": "1", "model": "org/one", "state": "queued", "created_at": "2026-01-01T00:00:00Z"}
    moving = {**one, "state": "running", "bytes_done": 7}
    library = {"version": 3, "models": 2, "size_bytes": 9}
    catalogue = {"state": "syncing", "models": 1000}
    state = after(
        event("downloads.changed", download=one),
        event("downloads.changed", download={**one, "id": "2", "model": "org/two"}),
        event("downloads.progressed", download=moving),
        event("models.changed", library=library),
        event("catalogue.changed", catalogue=catalogue),
    )
    assert [(each.model, each.state, each.bytes_done) for each in state.downloads] == [
        ("org/one", "running", 7),
        ("org/two", "queued", 0),
    ]
    assert (state.library.version, state.catalogue.models) == (3, 1000)
    gone = after(
        event("downloads.changed", download=one), event("downloads.removed", download_id="1")
    )
    assert gone.downloads == ()


def test_nothing_is_drawn_before_the_first_snapshot() -> None:
    changed = msgspec.convert(event("servers.changed", server=SERVER), AnyEvent)
    assert apply(None, changed) is None


class Eye:
    """Listens, and waits for what it wants to see."""

    def __init__(self) -> None:
        self.seen: list[Picture] = []
        self._changed = threading.Condition()

    def __call__(self, picture: Picture) -> None:
        with self._changed:
            self.seen.append(picture)
            self._changed.notify_all()

    def until(self, true: Callable[[Picture], object]) -> Picture:
        with self._changed:
            assert self._changed.wait_for(lambda: true(self.seen[-1]), 10), self.seen[-1]
            return self.seen[-1]


@pytest.fixture
def connection(tmp_path: Path) -> Path:
    return write_connection(tmp_path / "c.json", "http://127.0.0.1:9/")


def test_one_connection_feeds_all_and_ends_with_the_last(connection: Path) -> None:
    go_on, gone = threading.Event(), threading.Event()

    def answer(asked: Asked) -> None:
        asked.stream(sse(SNAPSHOT))
        go_on.wait(10)
        asked.wfile.write(sse(event("servers.removed", name="tiny")))
        asked.until_gone()
        gone.set()

    with listening(answer) as door:
        write_connection(connection, door.url)
        client = Client(lambda: read(connection))
        feed = Feed(client)
        one, two = Eye(), Eye()
        leave = [feed.listen(one), feed.listen(two)]
        for eye in (one, two):
            assert eye.until(lambda picture: picture.state).link == "live"
        for each in leave:
            each()
        go_on.set()  # it notices at the next event
        assert gone.wait(10)
        assert len(door.log) == 1
        deadline = time.monotonic() + 10
        while feed.is_running:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert all(picture.state and picture.state.servers for picture in two.seen[-1:])
        client.close()


def test_it_resumes_and_tells_how_it_stands(connection: Path) -> None:
    def first(asked: Asked) -> None:
        asked.stream(sse(SNAPSHOT))

    def then(asked: Asked) -> None:
        assert asked.headers["Last-Event-ID"] == "e-1"
        asked.stream(sse(event("servers.changed", server={**SERVER, "state": "ready"})))
        asked.until_gone()

    eye = Eye()
    client = Client(lambda: read(connection))
    leave = Feed(client).listen(eye)
    refused = eye.until(lambda picture: picture.link == "refused")
    assert refused.problem is not None
    assert "does not answer" in refused.problem.message
    with listening(first) as door:
        write_connection(connection, door.url)
        eye.until(lambda picture: picture.link == "live")
        eye.until(lambda picture: picture.link == "reconnecting")
    with listening(then) as door:
        write_connection(connection, door.url)
        picture = eye.until(lambda now: now.state and now.state.servers[0].state == "ready")
        assert picture.link == "live"
        assert picture.problem is None
        leave()
    assert eye.seen[0].link == "connecting"
    client.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_listener_that_raises_does_not_end_it_for_ever(connection: Path) -> None:
    def answer(asked: Asked) -> None:
        asked.stream(sse(SNAPSHOT))
        asked.until_gone()

    def bad(picture: Picture) -> None:
        if picture.state:
            raise RuntimeError("on purpose")

    with listening(answer) as door:
        write_connection(connection, door.url)
        client = Client(lambda: read(connection))
        feed = Feed(client)
        leave = feed.listen(bad)
        deadline = time.monotonic() + 10
        while feed.is_running:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        leave()
        eye = Eye()
        leave = feed.listen(eye)
        assert eye.until(lambda picture: picture.state).link == "live"
        leave()
        client.close()
