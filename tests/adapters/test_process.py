"""A process's life: it comes up, it fails, it is watched."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from msgspec.structs import replace

from mlx_manager_jupyter.adapters.process import is_alive, port_is_free, spawn
from tests.fixtures.processes import Rig, failure_of, until

if TYPE_CHECKING:
    from pathlib import Path


async def test_comes_up_answers_and_is_gone_after_stop(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        process = rig.process()
        assert (process.state, process.identity, process.pids()) == ("stopped", None, [])
        identity = await process.start()
        assert process.state == "starting"
        assert os.getsid(identity.pid) == identity.pid != os.getsid(0)
        await process.wait_ready()
        assert rig.states[-1] == "ready"
        assert process.ready_seconds is not None
        assert 0 < process.ready_seconds < 20
        assert process.pids() == [identity.pid]
        assert b"Paris" in await rig.ask({"messages": []})
        await process.stop()
        await process.stop()
        assert rig.states == ["starting", "loading", "ready", "stopping", "stopped"]
        assert not psutil.pid_exists(identity.pid)  # not even as a zombie
        assert port_is_free(rig.launch.host, rig.launch.port)
        assert any("Starting httpd" in line for line in process.tail())


async def test_log_and_the_folders_above_it_are_private(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        process = rig.process()
        await process.start()
        log = rig.launch.log
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (log, log.parent, log.parents[1])]
        assert modes == [0o600, 0o700, 0o700]
        await process.stop()


async def test_ready_is_noticed_within_100_ms(tmp_path: Path) -> None:
    async with Rig(tmp_path, load_seconds=0.7) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        delay = time.time() - rig.events("loaded")[0]["time"]
        print(f"ready-detection delay: {delay * 1000:.1f} ms")
        assert "loading" in rig.states
        assert delay <= 0.1
        await process.stop()


async def test_program_that_does_not_exist(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        rig.launch = replace(rig.launch, argv=("/nowhere/mlx_lm.server",))
        process = rig.process()
        error = await failure_of(process.start())
        assert error.failure.kind == "spawn"
        assert "/nowhere/mlx_lm.server" in error.failure.detail
        assert process.state == "failed"
        assert (await failure_of(process.wait_ready())).failure is process.failure
        await process.stop()
        assert rig.states[-1] == "stopped"


async def test_early_exit_keeps_the_code_and_the_last_line(tmp_path: Path) -> None:
    async with Rig(tmp_path, load_seconds=0.1, exit_at_load=3) as rig:
        process = rig.process()
        await process.start()
        failure = (await failure_of(process.wait_ready())).failure
        assert (failure.kind, failure.exit_code, failure.signal) == ("exited", 3, None)
        assert failure.detail in process.tail()
        assert process.state == "failed"


async def test_failed_load_that_lives_on_is_ended(tmp_path: Path) -> None:
    async with Rig(
        tmp_path, load_seconds=0.2, die_at_load="No such model: x", fork_child=True
    ) as rig:
        process = rig.process()
        await process.start()
        failure = (await failure_of(process.wait_ready())).failure
        assert failure.kind == "fatal_line"
        assert failure.detail.endswith("generation thread died: No such model: x")
        assert process.state == "failed"
        assert rig.living() == []
        assert "stopping" not in rig.states


async def test_never_listens(tmp_path: Path) -> None:
    async with Rig(tmp_path, hang=True) as rig:
        process = rig.process(load_timeout=0.6)
        await process.start()
        failure = (await failure_of(process.wait_ready())).failure
        assert failure.kind == "timeout"
        assert rig.living() == []


async def test_port_taken_before_the_start(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        with socket.create_server((rig.launch.host, rig.launch.port)):
            process = rig.process()
            error = await failure_of(process.start())
            assert error.failure.kind == "port_taken"
            assert str(os.getpid()) in error.failure.detail
            assert rig.events("started") == []


async def test_port_taken_while_it_starts(tmp_path: Path) -> None:
    """The other program answers, and mlx_lm lives on in silence: neither may count as ready."""
    async with Rig(tmp_path, import_seconds=0.5) as rig:
        process = rig.process(fatal=lambda _line: False)  # as if its log said nothing
        await process.start()
        with socket.create_server((rig.launch.host, rig.launch.port)):
            failure = (await failure_of(process.wait_ready())).failure
            assert failure.kind == "port_taken"
            assert str(os.getpid()) in failure.detail
            assert process.state == "failed"
            assert rig.living() == []
            await process.stop()  # nothing of ours holds the port: no reason to wait for it
        assert rig.states[-1] == "stopped"


async def test_port_taken_is_a_fatal_line_of_an_engine_that_lives_on(tmp_path: Path) -> None:
    async with Rig(tmp_path, import_seconds=0.5) as rig:
        process = rig.process()
        await process.start()
        # Bound but not listening: the engine can't have it, and nobody answers there.
        with socket.socket() as other:
            other.bind((rig.launch.host, rig.launch.port))
            failure = (await failure_of(process.wait_ready())).failure
        assert failure.kind == "fatal_line"
        assert "Address already in use" in failure.detail


@pytest.fixture(params=["pidfd", "polling"])
def way_to_wait(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "polling":  # as on macOS, which has no pidfd
        monkeypatch.setattr(spawn, "_exit_descriptor", lambda _pid: None)


@pytest.mark.usefixtures("way_to_wait")
@pytest.mark.parametrize(
    ("crash", "code", "number"),
    [({"crash_code": 7}, 7, None), ({}, None, signal.SIGKILL)],
    ids=["exit code", "signal"],
)
async def test_crash_after_ready(
    tmp_path: Path, crash: dict[str, Any], code: int | None, number: int | None
) -> None:
    async with Rig(
        tmp_path, crash_after=0.5, fork_child=True, fork_own_session=True, **crash
    ) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        assert len(process.pids()) == 3
        await until(lambda: process.state == "failed")
        assert process.failure is not None
        assert process.failure.kind == "exited"
        assert (process.failure.exit_code, process.failure.signal) == (code, number)
        assert rig.living() == []  # the children were taken along
        assert (await failure_of(process.start())).failure is process.failure


async def test_probe_that_is_refused_is_asked_again_and_one_that_breaks_is_not(
    tmp_path: Path,
) -> None:
    answers = [ConnectionResetError(), TimeoutError(), LookupError("no such thing")]

    async def probe() -> bool:
        raise answers.pop(0)

    async with Rig(tmp_path) as rig:
        process = rig.process(probe=probe)
        await process.start()
        failure = (await failure_of(process.wait_ready())).failure
        assert "no such thing" in failure.detail
        assert answers == []
        assert rig.living() == []


async def test_cancelling_a_wait_changes_nothing(tmp_path: Path) -> None:
    async with Rig(tmp_path, load_seconds=0.4) as rig:
        process = rig.process()
        await process.start()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.wait_ready(), 0.1)
        await process.wait_ready()
        assert process.state == "ready"
        await process.stop()


async def test_error_in_on_change_does_not_reach_the_process(tmp_path: Path) -> None:
    seen = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, facts: seen.append(facts))

    def broken(_process: object) -> None:
        raise LookupError

    async with Rig(tmp_path) as rig:
        process = rig.process(on_change=broken)
        identity = await process.start()
        await process.wait_ready()
        await process.stop()
        assert not is_alive(identity)
    assert {type(facts["exception"]) for facts in seen} == {LookupError}
