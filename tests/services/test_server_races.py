"""Commands that meet: each finds a server that is what it says, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from mlx_manager_jupyter.errors import EngineCrashed, NotReady, StartFailed, UnknownServer
from tests.fixtures.jupyter import runs
from tests.fixtures.models import make
from tests.services.extensions import FAKE_ENGINE, extension

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make("chat", tmp_path / "tiny-chat")


def serving(model: Path) -> list[psutil.Process]:
    """Every process that serves this model."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(model) in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


async def test_a_stop_that_meets_a_start_ends_what_it_started(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path) as one:
        starting = asyncio.ensure_future(one.start(model))
        await asyncio.sleep(0)
        while "tiny" not in one.servers._locks:
            await asyncio.sleep(0)
        await one.servers.stop("tiny")
        await starting
        assert one.seen() == {}
        assert serving(model) == []
        with pytest.raises(UnknownServer):
            await one.servers.stop("tiny")


async def test_closing_ends_a_start_that_is_under_way(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path) as one:
        starting = asyncio.ensure_future(one.start(model))
        while "tiny" not in one.servers._locks:
            await asyncio.sleep(0)
        await one.servers.close()
        await asyncio.gather(starting, return_exceptions=True)
        assert serving(model) == []
        with pytest.raises(NotReady, match="stopping"):
            await one.start(model)
    assert await asyncio.to_thread(one.claims.list) == []


async def test_a_cancelled_start_leaves_neither_process_nor_claim(
    tmp_path: Path, model: Path
) -> None:
    async with extension(tmp_path) as one:
        starting = asyncio.ensure_future(one.start(model))
        while "tiny" not in one.seen():
            await asyncio.sleep(0)  # each turn of the loop, for the spawn takes few
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert serving(model) == []
        assert one.seen() == {}
        assert await asyncio.to_thread(one.claims.list) == []


async def test_a_restart_that_cannot_spawn_leaves_a_failed_server_that_can_be_dismissed(
    tmp_path: Path, model: Path
) -> None:
    engine = tmp_path / "engine"
    shutil.copy(FAKE_ENGINE, engine)
    async with extension(tmp_path, engine=engine) as one:
        await one.start(model)
        await one.ready()
        engine.write_text("#!/no/such/interpreter\n")
        with pytest.raises(StartFailed):
            await one.servers.restart("tiny")
        await one.until(lambda seen: seen["tiny"].state == "failed")
        assert [server.state for server in await one.servers.list()] == ["failed"]
        await one.servers.stop("tiny")
        assert one.seen() == {}


async def test_a_server_that_cannot_be_stopped_stays_listed_and_says_why(
    tmp_path: Path, model: Path
) -> None:
    async with extension(tmp_path) as one:
        await one.start(model, fork_escaped="unmarked")
        ready = await one.ready()
        with pytest.raises(EngineCrashed, match="still held"):
            await one.servers.stop("tiny")
        seen = await one.until(lambda seen: "tiny" in seen and seen["tiny"].state == "failed")
        assert seen["tiny"].error
        assert "still held" in seen["tiny"].error.message
        assert ready.pid
        assert not runs(ready.pid)
        for escaped in psutil.net_connections("tcp4"):
            if escaped.pid and escaped.laddr and escaped.laddr.port == ready.port:
                os.kill(escaped.pid, signal.SIGKILL)
        await one.servers.stop("tiny")
        assert one.seen() == {}


async def test_a_store_that_cannot_be_used_keeps_no_server_alive(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with extension(tmp_path) as one:
        server = (await one.start(model))[0]
        await one.ready()
        async with asyncio.timeout(5):  # what is written then would write over what follows
            while not (await asyncio.to_thread(one.claims.list))[0].ready_at:
                await asyncio.sleep(0.02)
        state = one.store.path.read_bytes()
        one.store.path.write_text('{"schema": 99, "tables": {}}')  # as a newer version leaves it
        async with asyncio.timeout(5):
            while "newer version" not in caplog.text:
                await asyncio.sleep(0.02)
        await one.servers.stop("tiny")
        assert server.pid
        assert not runs(server.pid)
        assert one.seen() == {}
        one.store.path.write_bytes(state)
        # The watcher has survived: what is stored is followed again.
        assert await one.servers.list() == ()


async def test_an_extension_opens_and_closes_over_a_store_that_cannot_be_used(
    tmp_path: Path,
) -> None:
    (tmp_path / "state.json").write_text('{"schema": 99, "tables": {}}')
    async with extension(tmp_path) as one:
        assert one.servers.records == ()
