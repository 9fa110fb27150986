"""Ready servers that are not well: found, told apart from busy ones, ended, started again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.schema import ServerChanged
from tests.fixtures.jupyter import runs
from tests.fixtures.models import make
from tests.services.extensions import Extension, another_jupyter, extension

if TYPE_CHECKING:
    from pathlib import Path

    from mlx_manager_jupyter.schema import Server

QUICK: dict[str, Any] = {"health_interval": 0.1, "health_timeout": 0.2, "restart_delay": 0.2}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make("chat", tmp_path / "tiny-chat")


async def failure(one: Extension) -> Server:
    return (await one.until(lambda seen: seen["tiny"].state == "failed"))["tiny"]


async def test_a_healthy_server_says_so(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path, **QUICK) as one:
        await one.start(model)
        assert (await one.ready()).health is None, "not asked yet"
        await one.until(lambda seen: seen["tiny"].health == "ok")
        told = len(one.events)
        await asyncio.sleep(0.5)
        assert len(one.events) == told, "nothing is told while nothing changes"


async def test_an_engine_whose_worker_died_is_found_and_started_again(
    tmp_path: Path, model: Path
) -> None:
    async with extension(tmp_path, **QUICK) as one:
        await one.start(model, die_after=0.5)
        first = await one.ready()
        failed = await failure(one)
        assert failed.error
        assert "something in the middle" in "".join(failed.error.log_tail)
        assert failed.error.hint
        assert failed.retry_at
        assert first.pid
        assert not runs(first.pid)
        again = await one.until(lambda seen: seen["tiny"].state == "ready")
        assert again["tiny"].pid != first.pid
        assert again["tiny"].restarts == 1


async def test_an_engine_that_answers_nothing_any_more_is_given_up(
    tmp_path: Path, model: Path
) -> None:
    async with extension(tmp_path, **QUICK) as one:
        await one.start(model, deaf_after=0.5)
        pid = (await one.ready()).pid
        failed = await failure(one)
        assert failed.error
        assert failed.error.code == "engine_crashed"
        assert "does not answer" in failed.error.message
        assert any(
            isinstance(event, ServerChanged) and event.server.health == "silent"
            for event in one.events
        )
        assert pid
        assert not runs(pid)


async def test_one_that_works_on_a_request_is_busy_and_left_alone(
    tmp_path: Path, model: Path
) -> None:
    async with extension(tmp_path, **QUICK) as one:
        await one.start(model, deaf_after=0.3)
        pid = (await one.ready()).pid
        server = await one.servers.find("tiny")
        server.use.begin()
        await one.until(lambda seen: seen["tiny"].health == "busy")
        await asyncio.sleep(1.5)  # far more than the probes that a silent one may miss
        assert one.seen()["tiny"].state == "ready"
        assert pid
        assert runs(pid)
        server.use.end()
        await failure(one)


async def test_only_the_owner_gives_a_server_up(tmp_path: Path, model: Path) -> None:
    with another_jupyter() as other:
        slow: dict[str, Any] = {**QUICK, "health_interval": 60.0}
        async with extension(tmp_path, **slow) as one, extension(tmp_path, other, **QUICK) as two:
            await one.start(model, deaf_after=0.3)
            pid = (await one.ready()).pid
            await two.until(lambda seen: "tiny" in seen and seen["tiny"].health == "silent")
            await asyncio.sleep(1.0)
            assert pid
            assert runs(pid)
            assert two.seen()["tiny"].state == "ready"
