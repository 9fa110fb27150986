"""Stopping: from any state, against any resistance, and only said when it is so."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from msgspec.structs import replace

from mlx_manager_jupyter.adapters.process import (
    EngineProcess,
    Failure,
    ProcessFailed,
    is_alive,
    port_is_free,
)
from tests.fixtures.processes import Rig, failure_of, until

if TYPE_CHECKING:
    from pathlib import Path


def signals(rig: Rig) -> list[str]:
    return [each["signal"] for each in rig.events("signal")]


async def test_hanging_engine(tmp_path: Path) -> None:
    async with Rig(tmp_path, hang=True) as rig:
        process = rig.process()
        await process.start()
        await until(lambda: rig.events("started"))
        await process.stop()
        assert process.state == "stopped"
        assert process.failure is None
        assert rig.living() == []


async def test_slow_start_is_stopped_in_the_middle(tmp_path: Path) -> None:
    async with Rig(tmp_path, load_seconds=60) as rig:
        process = rig.process()
        await process.start()
        waiting = asyncio.create_task(failure_of(process.wait_ready()))
        await until(lambda: process.state == "loading")
        started = time.monotonic()
        await process.stop()
        assert time.monotonic() - started < 2
        assert (await waiting).failure.detail
        assert rig.states == ["starting", "loading", "stopping", "stopped"]
        assert rig.living() == []


async def test_stop_at_the_same_moment_as_start(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        process = rig.process()
        started, _ = await asyncio.gather(process.start(), process.stop())
        assert not is_alive(started)
        assert process.state == "stopped"
        assert rig.living() == []
        await failure_of(process.start())  # a run is not started again


async def test_two_starts_make_one_process_and_two_stops_one_end(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        process = rig.process()
        first, second = await asyncio.gather(process.start(), process.start())
        assert first == second
        await process.wait_ready()
        assert await process.start() == first
        assert len(rig.events("started")) == 1
        await asyncio.gather(process.stop(), process.stop())
        assert signals(rig) == ["SIGTERM"]
        assert rig.states.count("stopped") == 1


async def test_stop_goes_on_when_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    async with Rig(tmp_path, ignore_term=True) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.stop(), 0.1)
        await until(lambda: process.state == "stopped")
        assert rig.living() == []


@pytest.mark.parametrize(
    ("faults", "heard"),
    [
        ({}, ["SIGTERM"]),
        ({"ignore_term": True}, ["SIGTERM", "SIGINT"]),
        ({"ignore_term": True, "ignore_int": True}, ["SIGTERM", "SIGINT"]),
    ],
    ids=["obeys", "ignores TERM", "ignores TERM and INT"],
)
async def test_ladder_of_signals(tmp_path: Path, faults: dict[str, bool], heard: list[str]) -> None:
    switches: dict[str, Any] = {**faults}
    async with Rig(tmp_path, **switches) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        await process.stop()
        assert signals(rig) == heard
        assert rig.living() == []
        assert port_is_free(rig.launch.host, rig.launch.port)


async def test_engine_that_waits_for_its_streams_is_not_waited_for(tmp_path: Path) -> None:
    faults: dict[str, Any] = {
        "wait_for_streams_on_term": True,
        "tokens": ["x"] * 1000,
        "token_seconds": 0.05,
    }
    async with Rig(tmp_path, **faults) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        stream = asyncio.create_task(rig.ask({"messages": [], "stream": True}))
        await until(lambda: len(rig.events("request")) == 2)
        await process.stop()
        assert signals(rig) == ["SIGTERM", "SIGINT"]
        assert b"[DONE]" not in await stream


@pytest.mark.parametrize("how", [True, "stubborn"])
@pytest.mark.parametrize("where", ["fork_child", "fork_own_session"])
async def test_children_go_too(tmp_path: Path, where: str, how: object) -> None:
    faults: dict[str, Any] = {where: how}
    async with Rig(tmp_path, **faults) as rig:
        process = rig.process()
        identity = await process.start()
        await process.wait_ready()
        child = rig.events("forked")[0]["child"]
        assert os.getsid(child) == (identity.pid if where == "fork_child" else child)
        assert set(process.pids()) == {identity.pid, child}
        await process.stop()
        assert rig.living() == []


async def test_children_of_a_leader_that_left_at_once(tmp_path: Path) -> None:
    async with Rig(tmp_path, import_seconds=0.1, exit_at_load=0, fork_child="stubborn") as rig:
        process = rig.process()
        await process.start()
        failure = (await failure_of(process.wait_ready())).failure
        assert (failure.kind, failure.exit_code) == ("exited", 0)
        assert rig.living() == []


async def test_port_that_is_still_held_is_not_called_stopped(tmp_path: Path) -> None:
    async with Rig(tmp_path, fork_escaped=True) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        escaped = psutil.Process(rig.events("forked")[0]["child"])
        with pytest.raises(ProcessFailed, match=f"process {escaped.pid} "):
            await process.stop()
        assert process.state == "failed"
        escaped.kill()
        await until(lambda: port_is_free(rig.launch.host, rig.launch.port))
        await process.stop()
        assert rig.states[-1] == "stopped"


async def test_what_escaped_is_found_by_its_mark(tmp_path: Path) -> None:
    async with Rig(tmp_path, marked=True, fork_escaped=True) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        (escaped,) = [psutil.Process(each["child"]) for each in rig.events("forked")]
        assert escaped.pid not in process.pids(), "no child, no member of the session"
        await process.stop()
        assert rig.living() == []
        assert port_is_free(rig.launch.host, rig.launch.port)


async def test_ranks_whose_launcher_was_killed_go_too(tmp_path: Path) -> None:
    """As `mlx.launch` leaves them: sessions of their own, re-parented, the port still held."""
    async with Rig(tmp_path, marked=True) as rig:
        rank = shlex.join(rig.launch.argv)
        launcher = f"for rank in 1 2; do setsid {rank} & done; sleep 3600"
        launch = replace(rig.launch, argv=("sh", "-c", launcher))
        process = EngineProcess(launch, **rig.watching())
        rig.processes.append(process)
        identity = await process.start()
        await until(lambda: len(rig.events("started")) == 2)
        psutil.Process(identity.pid).kill()
        await until(lambda: process.state == "failed")  # whether or not it was ready by then
        assert rig.living() == []


async def test_one_that_is_given_up_is_ended_and_says_why(tmp_path: Path) -> None:
    async with Rig(tmp_path, fork_child=True) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        await process.give_up("it says nothing")
        assert process.state == "failed"
        assert process.failure == Failure(kind="silent", detail="it says nothing")
        assert rig.living() == []
        await process.give_up("again")
        assert process.failure.detail == "it says nothing"


async def test_process_that_died_before_the_stop(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        process = rig.process()
        identity = await process.start()
        await process.wait_ready()
        os.kill(identity.pid, signal.SIGKILL)
        await process.stop()
        assert process.state == "stopped"
        assert not psutil.pid_exists(identity.pid)


async def test_no_zombies_and_no_open_files_stay_behind(tmp_path: Path) -> None:
    me = psutil.Process()
    before = (me.num_fds(), {child.pid for child in me.children()})
    for run in range(5):
        folder = tmp_path / str(run)
        folder.mkdir()
        async with Rig(folder) as rig:
            process = rig.process()
            await process.start()
            await process.wait_ready()
            await process.stop()
    assert (me.num_fds(), {child.pid for child in me.children()}) == before
