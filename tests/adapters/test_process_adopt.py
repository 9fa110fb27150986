"""Processes that outlive whoever started them: detached, orphaned, adopted, found, reaped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import psutil
import pytest

from mlx_manager_jupyter.adapters.process import (
    EngineProcess,
    ProcessGone,
    find_marked,
    free_port,
    identify,
    is_alive,
    port_is_free,
    reap,
    spawn,
)
from mlx_manager_jupyter.adapters.process.group import Group
from mlx_manager_jupyter.schema import Identity
from tests.fixtures.processes import MARKER, Rig, until

if TYPE_CHECKING:
    from pathlib import Path

#: An extension in small: starts what it reads, says who it is, and waits to be killed.
SUPERVISOR = """
import asyncio, json, sys
from pathlib import Path
import msgspec
from mlx_manager_jupyter.adapters.process import EngineProcess, Launch

async def no(): return False

async def main():
    launch = json.loads(sys.argv[1])
    launch |= {"cwd": Path(launch["cwd"]), "log": Path(launch["log"])}
    process = EngineProcess(
        Launch(**launch), probe=no, fatal=lambda line: False, on_change=lambda process: None
    )
    print(msgspec.json.encode(await process.start()).decode(), flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


def start_and_lose(rig: Rig) -> Identity:
    """Have another Python start the engine, and kill -9 that Python."""
    names = ("argv", "env", "cwd", "log", "host", "port")
    launch = json.dumps({name: getattr(rig.launch, name) for name in names}, default=str)
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, launch], stdout=subprocess.PIPE
    ) as supervisor:
        assert supervisor.stdout is not None
        try:
            return msgspec.json.decode(supervisor.stdout.readline(), type=Identity)
        finally:
            supervisor.kill()


def adopt(rig: Rig, identity: Identity, **options: Any) -> EngineProcess:
    rig.processes.append(EngineProcess.adopt(identity, rig.launch, **rig.watching(**options)))
    return rig.processes[-1]


async def test_adopted_after_kill_9_of_its_supervisor(tmp_path: Path) -> None:
    async with Rig(tmp_path, load_seconds=0.3) as rig:
        identity = await asyncio.to_thread(start_and_lose, rig)
        assert is_alive(identity)
        process = adopt(rig, identity)
        assert (process.state, process.identity) == ("starting", identity)
        await process.wait_ready()
        assert process.ready_seconds is None
        assert b"Paris" in await rig.ask({"messages": []})
        assert any("Starting httpd" in line for line in process.tail())
        await process.stop()
        assert rig.states == ["starting", "loading", "ready", "stopping", "stopped"]
        assert not is_alive(identity)
        assert port_is_free(rig.launch.host, rig.launch.port)


@pytest.mark.parametrize("with_pidfd", [True, False], ids=["pidfd", "polling"])
async def test_adopted_process_crashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, with_pidfd: bool
) -> None:
    if not with_pidfd:  # as on macOS, which has none
        monkeypatch.setattr(spawn, "_exit_descriptor", lambda _pid: None)
    async with Rig(tmp_path, fork_own_session=True) as rig:
        identity = await asyncio.to_thread(start_and_lose, rig)
        process = adopt(rig, identity)
        await process.wait_ready()
        await asyncio.to_thread(process.pids)
        os.kill(identity.pid, signal.SIGKILL)
        await until(lambda: process.state == "failed")
        assert process.failure is not None
        assert process.failure.kind == "exited"
        assert (process.failure.exit_code, process.failure.signal) == (None, None)
        assert rig.living() == []


async def test_adopts_only_exactly_this_process(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        first = rig.process()
        identity = await first.start()
        await first.wait_ready()
        replace = msgspec.structs.replace
        for other in (
            replace(identity, create_time=identity.create_time - 1),
            replace(identity, argv=(*identity.argv, "--max-tokens", "7")),
            replace(identity, pid=os.getpid()),
        ):
            assert not is_alive(other)
            with pytest.raises(ProcessGone):
                adopt(rig, other)
            await reap(other, rig.launch.host, rig.launch.port, grace=0.1)
        assert is_alive(identity)
        await first.stop()
        assert not is_alive(identity)
        with pytest.raises(ProcessGone):
            adopt(rig, identity)


def test_zombie_is_gone() -> None:
    with subprocess.Popen(["sleep", "3600"]) as child:
        try:
            identity = identify(child.pid)
            assert is_alive(identity)
        finally:
            child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
        assert not is_alive(identity)
        with pytest.raises(ProcessGone):
            identify(child.pid)


def test_session_whose_number_has_passed_to_a_stranger_is_left_alone() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 3600; true"], start_new_session=True) as stranger:
        try:
            now = identify(stranger.pid)
            dead = msgspec.structs.replace(now, create_time=now.create_time - 60)
            assert Group(dead, is_session_leader=True).living() == []
            assert len(Group(now, is_session_leader=True).living()) >= 1
        finally:
            os.killpg(stranger.pid, signal.SIGKILL)


async def test_detached_process_goes_on_and_can_be_adopted(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        first = rig.process()
        identity = await first.start()
        await first.wait_ready()
        await first.detach()
        assert first.state == "ready"
        assert is_alive(identity)
        assert b"Paris" in await rig.ask({"messages": []})
        second = adopt(rig, identity)
        await second.wait_ready()
        await second.stop()
        assert not psutil.pid_exists(identity.pid)


async def test_finds_one_leader_for_each_run_by_its_mark(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with (
        Rig(tmp_path, fork_child=True, fork_own_session=True) as rig,
        Rig(tmp_path / "other") as other,
    ):
        identity = await asyncio.to_thread(start_and_lose, rig)
        elsewhere = other.process()
        await elsewhere.start()
        await until(lambda: len(rig.events("forked")) == 2)
        found = await asyncio.to_thread(find_marked, MARKER, rig.marker)
        assert [each.pid for each in found] == [identity.pid]
        assert is_alive(found[0])
        await reap(found[0], rig.launch.host, rig.launch.port, grace=0.3)
        assert rig.living() == []
        assert find_marked(MARKER, rig.marker) == []
        await elsewhere.stop()


async def test_what_a_dead_leader_left_is_found_and_reaped(tmp_path: Path) -> None:
    async with Rig(tmp_path, fork_child="stubborn", fork_own_session=True) as rig:
        identity = await asyncio.to_thread(start_and_lose, rig)
        await until(lambda: len(rig.events("forked")) == 2)
        os.kill(identity.pid, signal.SIGKILL)
        await until(lambda: not is_alive(identity))
        left = await asyncio.to_thread(find_marked, MARKER, rig.marker)
        assert {each.pid for each in left} == {each["child"] for each in rig.events("forked")}
        for each in left:
            await reap(each, rig.launch.host, rig.launch.port, grace=0.1)
        assert rig.living() == []


async def test_reaps_a_process_that_nobody_supervises(tmp_path: Path) -> None:
    async with Rig(tmp_path, ignore_term=True, fork_child="stubborn") as rig:
        identity = await asyncio.to_thread(start_and_lose, rig)
        await until(lambda: rig.events("loaded"))
        await reap(identity, rig.launch.host, rig.launch.port, grace=0.1)
        assert rig.living() == []
        assert port_is_free(rig.launch.host, rig.launch.port)


async def test_ports(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        host, port = rig.launch.host, rig.launch.port
        assert not port_is_free(host, port)
        following = free_port(host, port)
        assert following > port
        assert free_port(host, port, {following}) > following
        await process.stop()
        assert free_port(host, port) == port
        with pytest.raises(OSError, match="assign requested address"):
            port_is_free("192.0.2.1", port)
