"""Following logs: every viewer gets the whole run, live, and the next one after a restart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.errors import UnknownServer
from tests.fixtures.models import make
from tests.services.extensions import Extension, extension

if TYPE_CHECKING:
    from pathlib import Path

    from mlx_manager_jupyter.schema import LogLines


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make("chat", tmp_path / "tiny-chat")


class Viewer:
    """Somebody who reads until the end."""

    def __init__(self, one: Extension, lines: int | None = None) -> None:
        self.frames: list[LogLines] = []
        self.task = asyncio.ensure_future(self._read(one, lines))

    async def _read(self, one: Extension, lines: int | None) -> None:
        async for frame in one.servers.follow("tiny", lines=lines):
            self.frames.append(frame)

    @property
    def lines(self) -> list[str]:
        return [line for frame in self.frames for line in frame.lines]

    async def until(self, text: str) -> None:
        async with asyncio.timeout(15):
            while not any(text in line for line in self.lines):
                await asyncio.sleep(0.02)


async def test_viewers_see_the_run_from_its_start_and_end_with_it(
    tmp_path: Path, model: Path
) -> None:
    async with extension(tmp_path) as one:
        await one.start(model, log_flood=2_000, log_flood_seconds=1)
        early = Viewer(one)
        await one.ready()
        late, tail = Viewer(one), Viewer(one, lines=1)
        await late.until("flood 00001500")
        leaves = Viewer(one)
        await leaves.until("flood 00000100")
        leaves.task.cancel()
        await early.until("flood 00001900")
        await one.servers.stop("tiny")
        async with asyncio.timeout(5):
            await asyncio.gather(early.task, late.task, tail.task)
        log = (await asyncio.to_thread(_whole_log, tmp_path)).splitlines()
        assert early.lines == late.lines == log
        assert "Starting httpd" in "".join(early.lines)
        assert tail.lines == log[len(log) - len(tail.lines) :]
        assert [frame.begins for frame in early.frames][:2] == [True, False]


async def test_a_restart_goes_on_with_the_next_run_and_says_where_it_begins(
    tmp_path: Path, model: Path
) -> None:
    async with extension(tmp_path) as one:
        await one.start(model)
        await one.ready()
        viewer = Viewer(one)
        await viewer.until("Starting httpd")
        first = len(one.events)
        await one.servers.restart("tiny")
        await one.until(lambda _: any(_is_ready(event) for event in one.events[first:]))
        await one.servers.stop("tiny")
        async with asyncio.timeout(5):
            await viewer.task
        runs = [frame.run for frame in viewer.frames if frame.begins]
        assert len(set(runs)) == len(runs) == 2
        for run in runs:
            of_run = [line for frame in viewer.frames if frame.run == run for line in frame.lines]
            assert sum("Starting httpd" in line for line in of_run) == 1


async def test_a_failed_server_shows_its_log_and_ends(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path) as one:
        await one.start(model, die_at_load="Model type nosuch not supported.")
        await one.until(lambda seen: seen["tiny"].state == "failed")
        viewer = Viewer(one)
        async with asyncio.timeout(5):
            await viewer.task
        assert any("nosuch" in line for line in viewer.lines)


async def test_nobody_can_follow_what_is_not_there(tmp_path: Path) -> None:
    async with extension(tmp_path) as one:
        with pytest.raises(UnknownServer):
            await anext(one.servers.follow("tiny"))


def _is_ready(event: object) -> bool:
    server = getattr(event, "server", None)
    return server is not None and server.state == "ready"


def _whole_log(folder: Path) -> str:
    (log,) = (folder / "logs" / "tiny").glob("*.log")
    return log.read_text()
