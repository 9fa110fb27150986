"""Logs over HTTP: any number of viewers, every line once and in order, whatever happens meanwhile.

The engine writes thousands of numbered lines; a crash, a restart and a killed Jupyter come between.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tornado.httpclient import AsyncHTTPClient

from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.errors import ExtensionUnreachable
from mlx_manager_jupyter.extension import logs
from mlx_manager_jupyter.schema import LogEnd, LogLine, LogLines, LogRun
from tests.client.live import PORTS, until
from tests.extension.test_servers import API, start
from tests.extension.test_servers import until as ready
from tests.fixtures.jupyter import Jupyter, started_from
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.extension.conftest import Door

#: Lines a second.
FLOOD = 3_000


class Viewer(threading.Thread):
    """One that follows by our client until the end, or until its Jupyter is gone."""

    def __init__(self, client: Client, lines: int | None = None) -> None:
        super().__init__(daemon=True)
        self._client, self._lines = client, lines
        self.seen: list[LogRun | LogLine | LogEnd] = []
        self.broke: ExtensionUnreachable | None = None
        self.start()

    def run(self) -> None:
        try:
            for event in self._client.servers.follow("tiny", self._lines):
                self.seen.append(event)
        except ExtensionUnreachable as error:
            self.broke = error
        finally:
            self._client.close()

    @property
    def runs(self) -> list[str]:
        return [event.run for event in tuple(self.seen) if isinstance(event, LogRun)]

    def lines(self, run: str) -> list[str]:
        of_run = [e for e in tuple(self.seen) if isinstance(e, LogLine) and e.run == run]
        assert [line.number for line in of_run] == list(range(1, len(of_run) + 1))
        return [line.text for line in of_run]

    def flooded(self, run: str) -> int:
        """How many numbered lines came, after the proof that they are whole and in order."""
        numbers = [
            int(found[1])
            for line in self.lines(run)
            if (found := re.match(r"flood (\d+) and some more text to fill the line$", line))
        ]
        assert numbers == list(range(len(numbers)))
        return len(numbers)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make("chat", tmp_path / "tiny-chat")


@pytest.fixture
def jupyter(tmp_path: Path) -> Iterator[Jupyter]:
    options = ("--ServerManager.restart_delay=0.2",)
    with Jupyter(tmp_path / "user", options=options, env=PORTS) as running:
        yield running
    for left in started_from(tmp_path):
        left.kill()


def viewer(jupyter: Jupyter, lines: int | None = None) -> Viewer:
    file = jupyter.connection_file
    return Viewer(Client(lambda: read(file)), lines)


def serve(jupyter: Jupyter, model: Path, **faults: Any) -> dict[str, Any]:
    env = {"FAKE_ENGINE": json.dumps({"log_flood": FLOOD, **faults})}
    jupyter.api("servers", "POST", {"model": str(model), "name": "tiny", "set": {"env": env}})
    return jupyter.until("tiny", "ready")


def test_every_viewer_gets_every_line_through_a_crash_and_a_restart(
    jupyter: Jupyter, model: Path
) -> None:
    pid = serve(jupyter, model)["pid"]
    viewers = [viewer(jupyter), viewer(jupyter)]
    until(lambda: all(_floods(each, 1) for each in viewers), 40)
    psutil.Process(pid).kill()  # and somebody looks after it
    until(lambda: all(_floods(each, 2) for each in viewers), 40)
    jupyter.api("servers/tiny/restart", "POST")
    until(lambda: all(_floods(each, 3) for each in viewers), 40)
    jupyter.api("servers/tiny", "DELETE")
    for each in viewers:
        each.join(20)
        assert each.seen[-1] == LogEnd(name="tiny", state="stopped")
    one, other = viewers
    assert one.seen == other.seen
    print(f"{len(one.seen)} events to each of two viewers")


def _floods(viewer: Viewer, runs: int) -> bool:
    """Whether the viewer sees its run of this number, and thousands of lines of it."""
    return len(viewer.runs) == runs and viewer.flooded(viewer.runs[-1]) > FLOOD


def test_a_log_is_whole_after_jupyter_was_killed(tmp_path: Path, model: Path) -> None:
    with Jupyter(tmp_path / "user", env=PORTS) as first:
        served = serve(first, model)
        before = viewer(first)
        until(lambda: before.runs and before.flooded(before.runs[0]) > 2_000)
        first.kill()
        before.join(20)
        assert before.broke
        assert not before.is_alive()
    with Jupyter(tmp_path / "user", env=PORTS) as second:
        assert second.until("tiny", "ready")["pid"] == served["pid"]
        after = viewer(second)
        seen = before.flooded(before.runs[0])
        until(lambda: after.runs and after.flooded(after.runs[0]) > seen + 2_000)
        second.api("servers/tiny", "DELETE")
        after.join(20)
        assert isinstance(after.seen[-1], LogEnd)
        assert after.runs == before.runs
        lines = after.lines(after.runs[0])
        assert before.lines(before.runs[0]) == lines[: len(before.lines(before.runs[0]))]
        (log,) = (tmp_path / "user" / "mlx" / "logs" / "tiny").glob("*.log")
        assert lines == log.read_text("utf-8").splitlines()


def test_a_stopped_jupyter_does_not_say_that_a_kept_server_has_ended(
    tmp_path: Path, model: Path
) -> None:
    with Jupyter(tmp_path / "user", env=PORTS) as first:
        first.api("servers", "POST", {"model": str(model), "name": "tiny", "keep": True})
        first.until("tiny", "ready")
        watching = viewer(first)
        until(lambda: len(watching.seen) > 1)
    watching.join(20)
    assert watching.broke
    assert not any(isinstance(event, LogEnd) for event in watching.seen)
    with Jupyter(tmp_path / "user", env=PORTS) as second:
        second.api("servers/tiny", "DELETE")


async def test_a_viewer_that_reads_nothing_holds_up_nobody(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]], extension: Any
) -> None:
    flood = fake_env(log_flood=20_000, log_flood_seconds=1.0)
    await start(door, model=str(model), name="tiny", set={"env": flood})
    await ready(door, "tiny", "ready")
    host, port = door.url.removeprefix("http://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    ask = f"GET /{API}/servers/tiny/logs?follow=1 HTTP/1.1\r\nHost: {host}\r\n"
    writer.write(f"{ask}Authorization: Bearer {door.token}\r\n\r\n".encode())
    assert b"200" in await reader.readline()  # and not a byte more than the buffers take
    got = 0

    def take(chunk: bytes) -> None:
        nonlocal got
        got += chunk.count(b"event: line\n")

    watching = asyncio.ensure_future(_follow(door, take))
    async with asyncio.timeout(30):
        while got < 19_000:
            await asyncio.sleep(0.02)
    began = time.monotonic()
    await door.json(f"{API}/status")
    assert time.monotonic() - began < 2
    tasks = len(asyncio.all_tasks())
    writer.close()
    watching.cancel()
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) >= tasks:  # both readers are gone
            await asyncio.sleep(0.02)
    await extension.managers.servers.stop("tiny")


async def test_a_quiet_stream_has_a_heartbeat_and_lines_says_where_to_begin(
    door: Door, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "HEARTBEAT", 0.1)
    await start(door, model=str(model), name="tiny")
    await ready(door, "tiny", "ready")
    got = b""

    def take(chunk: bytes) -> None:
        nonlocal got
        got += chunk

    watching = asyncio.ensure_future(_follow(door, take, "&lines=1"))
    async with asyncio.timeout(10):
        while got.count(b": still here") < 3:
            await asyncio.sleep(0.02)
    whole = (await door.json(f"{API}/servers/tiny/logs?lines=1000"))["lines"]
    await door.fetch(f"{API}/servers/tiny", method="DELETE")
    async with asyncio.timeout(10):
        await watching
    sent = [json.loads(line[6:]) for line in got.splitlines() if line.startswith(b"data: ")]
    texts = [event["text"] for event in sent if "text" in event]
    assert 1 <= len(texts) < len(whole)
    assert texts == whole[-len(texts) :]
    assert sent[-1] == {"name": "tiny", "state": "stopped", "error": None}


def test_a_flood_is_written_out_in_parts_so_that_the_loop_can_breathe() -> None:
    lines = tuple(f"line {number}" for number in range(1_200))
    frame = LogLines(name="tiny", run="a", begins=True, lines=lines)
    parts = list(logs._Sent({}).parts(frame))
    assert [part.count(b"\n\n") for part in parts] == [500, 500, 201]
    texts = re.findall(rb'"text":"(.*?)"', b"".join(parts))
    assert [text.decode() for text in texts] == list(lines)


async def test_a_failed_server_says_in_the_end_why(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    dies = {"env": fake_env(die_at_load="Model type nosuch not supported.")}
    await start(door, model=str(model), name="tiny", set=dies)
    async with asyncio.timeout(20):
        while (await door.json(f"{API}/servers/tiny"))["state"] != "failed":
            await asyncio.sleep(0.02)
    response = await door.fetch(f"{API}/servers/tiny/logs", headers={"Accept": "text/event-stream"})
    assert response.headers["Content-Type"] == "text/event-stream"
    assert b"nosuch" in response.body
    last = json.loads(response.body.strip().splitlines()[-1].removeprefix(b"data: "))
    assert (last["state"], last["error"]["code"]) == ("failed", "unsupported_model")


async def test_a_viewer_that_lost_its_stream_goes_on_after_the_last_line_it_saw(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    dies = {"env": fake_env(die_at_load="Model type nosuch not supported.")}
    await start(door, model=str(model), name="tiny", set=dies)
    async with asyncio.timeout(20):
        while (await door.json(f"{API}/servers/tiny"))["state"] != "failed":
            await asyncio.sleep(0.02)

    async def frames(last_id: str = "") -> list[bytes]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": last_id}
        response = await door.fetch(f"{API}/servers/tiny/logs", headers=headers)
        return response.body.split(b"\n\n")

    begin, *lines, end, nothing = await frames()
    assert begin.startswith(b"event: run")
    assert nothing == b""
    assert len(lines) > 3
    third = lines[2].splitlines()[0].removeprefix(b"id: ").decode()
    assert await frames(third) == [*lines[3:], end, b""]
    assert await frames("another-run-3") == [begin, *lines, end, b""]
    assert await frames("garbage") == [begin, *lines, end, b""]


@pytest.mark.parametrize(("query", "code"), [("follow=1", 404), ("follow=1&lines=many", 400)])
async def test_nobody_can_follow_what_is_not_there(door: Door, query: str, code: int) -> None:
    response = await door.fetch(f"{API}/servers/nobody/logs?{query}")
    assert response.code == code
    assert response.headers["Content-Type"].startswith("application/json")


async def _follow(door: Door, take: Callable[[bytes], None], more: str = "") -> None:
    await AsyncHTTPClient().fetch(
        f"{door.url}{API}/servers/tiny/logs?follow=true{more}",
        headers={"Authorization": f"Bearer {door.token}"},
        streaming_callback=take,
        request_timeout=60,
    )
