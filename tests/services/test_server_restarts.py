"""Servers that fail: started again, once, by one extension, and not for ever."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from mlx_manager_jupyter.errors import NoWeights, UnknownServer
from mlx_manager_jupyter.schema import ServerChanged
from tests.fixtures.jupyter import started_from
from tests.fixtures.models import make
from tests.services.extensions import Extension, another_jupyter, extension

if TYPE_CHECKING:
    from pathlib import Path

    from mlx_manager_jupyter.schema import Server

QUICK: dict[str, Any] = {"restart_delay": 0.3, "healthy_after": 60.0}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make("chat", tmp_path / "tiny-chat")


def kill(server: Server) -> None:
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)


async def failed(one: Extension) -> Server:
    return (await one.until(lambda seen: seen["tiny"].state == "failed"))["tiny"]


async def another(one: Extension, before: Server) -> Server:
    """Wait until it is ready again, as another process."""

    def is_another(seen: dict[str, Server]) -> bool:
        now = seen.get("tiny")
        return now is not None and now.state == "ready" and now.pid != before.pid

    return (await one.until(is_another))["tiny"]


async def test_a_crash_is_followed_by_a_restart_that_is_announced(
    tmp_path: Path, model: Path
) -> None:
    async with extension(tmp_path, **QUICK) as one:
        await one.start(model)
        first = await one.ready()
        kill(first)
        told = await failed(one)
        assert told.error
        assert "signal 9" in told.error.message
        assert told.retry_at
        assert told.pid is None
        second = await another(one, first)
        assert second.restarts == 1
        assert second.error is None
        assert second.retry_at is None
        assert len(started_from(model)) == 1


async def test_restarts_are_forgotten_after_a_healthy_time(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path, restart_delay=0.1, healthy_after=0.5) as one:
        await one.start(model)
        first = await one.ready()
        kill(first)
        assert (await another(one, first)).restarts == 1
        await one.until(lambda seen: seen["tiny"].restarts == 0)


async def test_one_that_fails_again_and_again_is_left_alone(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path, restart_delay=0.05, restart_limit=3) as one:
        await one.start(model, exit_at_load=7)
        gone = await one.until(
            lambda seen: seen["tiny"].state == "failed" and seen["tiny"].retry_at is None
        )
        assert gone["tiny"].error
        assert "exit code 7" in gone["tiny"].error.message
        assert "left alone" in gone["tiny"].error.message
        assert gone["tiny"].restarts == 2
        await asyncio.sleep(0.5)
        assert started_from(model) == []
        runs = {
            event.server.started_at
            for event in one.events
            if isinstance(event, ServerChanged) and event.server.pid
        }
        assert len(runs) == 3
        # A person may try again, and is given as many tries.
        again = await one.servers.restart("tiny")
        assert again.restarts == 0
        await one.servers.stop("tiny")


@pytest.mark.parametrize(
    "reason", ["Model type nosuch not supported.", "[load_safetensors] Invalid header"]
)
async def test_what_a_restart_cannot_mend_is_not_restarted(
    tmp_path: Path, model: Path, reason: str
) -> None:
    async with extension(tmp_path, restart_delay=0.05) as one:
        await one.start(model, die_at_load=reason)
        assert (await failed(one)).retry_at is None
        await asyncio.sleep(0.4)
        # Whether "loading" is told depends on who is faster: its log's reader or its end.
        assert [state for state in one.states() if state != "loading"] == ["starting", "failed"]


async def test_a_profile_that_says_never_stays_failed(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path, restart_delay=0.05) as one:
        await one.ask(model=str(model), name="tiny", set={"restart": "never"})
        kill(await one.ready())
        assert (await failed(one)).retry_at is None


async def test_a_stop_calls_the_restart_off(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path, restart_delay=0.5) as one:
        await one.start(model)
        kill(await one.ready())
        await failed(one)
        await one.servers.stop("tiny")
        await asyncio.sleep(1.0)
        assert one.seen() == {}
        assert started_from(model) == []
        with pytest.raises(UnknownServer):
            await one.servers.stop("tiny")


async def test_a_start_does_not_wait_for_the_restart(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path, restart_delay=60.0) as one:
        await one.start(model)
        first = await one.ready()
        kill(first)
        await failed(one)
        _, started = await one.start(model)
        assert started
        assert (await another(one, first)).restarts == 0


async def test_a_model_that_was_damaged_meanwhile_is_told(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path, restart_delay=0.1) as one:
        await one.start(model)
        first = await one.ready()
        (model / "model.safetensors").unlink()
        kill(first)
        told = await one.until(
            lambda seen: seen["tiny"].state == "failed" and seen["tiny"].retry_at is None
        )
        assert told["tiny"].error
        assert told["tiny"].error.code == NoWeights.code
        assert told["tiny"].error.hint
        # Repaired, it starts again.
        make("chat", model)
        await one.servers.restart("tiny")
        await another(one, first)


async def test_exactly_one_of_two_extensions_restarts(tmp_path: Path, model: Path) -> None:
    with another_jupyter() as other:
        async with extension(tmp_path, **QUICK) as one, extension(tmp_path, other, **QUICK) as two:
            await one.start(model)
            first = await one.ready()
            await two.ready()
            for _ in range(3):
                kill(first)
                await two.until(lambda seen: seen["tiny"].retry_at is not None)
                again = await another(one, first)
                assert (await another(two, first)).pid == again.pid
                assert [engine.pid for engine in started_from(model)] == [again.pid]
                first = again
            assert first.restarts == 3
            # Dismissed by the one, it is not started by the other.
            kill(first)
            await two.until(lambda seen: seen["tiny"].state == "failed")
            await two.servers.stop("tiny")
            await one.until(lambda seen: not seen)
            await asyncio.sleep(0.5)
            assert started_from(model) == []


async def test_a_wait_is_taken_on_by_the_extension_that_stays(tmp_path: Path, model: Path) -> None:
    patient: dict[str, Any] = {"restart_delay": 1.5}
    with another_jupyter() as other:
        async with extension(tmp_path, other, **patient) as two:
            async with extension(tmp_path, **patient) as one:
                await one.start(model)
                first = await one.ready()
                await two.ready()
                kill(first)
                await two.until(lambda seen: seen["tiny"].retry_at is not None)
            assert (await another(two, first)).restarts == 1


async def test_a_killed_extensions_servers_are_looked_after_by_the_other(
    tmp_path: Path, model: Path
) -> None:
    with another_jupyter() as other:
        async with extension(tmp_path, **QUICK) as one, extension(tmp_path, other, **QUICK) as two:
            await two.start(model)
            first = await two.ready()
            await one.ready()
            psutil.Process(other.pid).kill()  # as far as anybody can see, it is gone
            async with asyncio.timeout(5):
                while (await asyncio.to_thread(one.claims.list))[0].owner == other:
                    await asyncio.sleep(0.02)
            kill(first)
            assert (await another(one, first)).restarts == 1
            assert len(started_from(model)) == 1
