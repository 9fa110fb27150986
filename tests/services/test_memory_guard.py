"""The guard over real servers on machines that aren't there: Macs, and starts that cross."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.hardware import Budget, Mac, this_machine
from mlx_manager_jupyter.errors import NotEnoughMemory
from mlx_manager_jupyter.schema import Alternative
from mlx_manager_jupyter.services.models.fit import judge
from mlx_manager_jupyter.services.models.need import Need
from mlx_manager_jupyter.services.servers.guard import MemoryGuard, Plans
from tests.adapters.test_hardware_mac import recorded
from tests.fixtures.jupyter import runs
from tests.fixtures.models import make
from tests.fixtures.processes import until
from tests.services.extensions import Extension, another_jupyter, extension

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.schema import Identity, Memory, Profile, StoredServer

MiB = 2**20
#: What a server holds, in megabytes.
HELD = 150
SMALLER = Alternative(id="owner/tiny-3bit", needed_bytes=60 * MiB, size_bytes=50 * MiB, local=True)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make("chat", tmp_path / "tiny-chat")


@asynccontextmanager
async def guarded(
    folder: Path,
    machine: Callable[[Callable[[], list[int]]], Machine],
    *,
    need: int = 180 * MiB,
    me: Identity | None = None,
    smaller: Alternative | None = None,
) -> AsyncIterator[Extension]:
    """An extension whose servers all need as much; ``machine`` is made for their processes."""
    guards: list[MemoryGuard] = []

    async def admit(stored: StoredServer) -> StoredServer:
        return await guards[0].admit(stored)

    async def needs(_: Profile) -> Need | None:
        return Need(need - 30 * MiB, 20 * MiB, 10 * MiB, context_length=8000)

    async def builds(_: Profile, room: int) -> Alternative | None:
        return smaller if smaller and smaller.needed_bytes <= room else None

    async with extension(folder, me, guard=admit) as opened:
        servers = opened.servers

        def pids() -> list[int]:
            return [pid for each in servers.pids().values() for pid in each]

        guards.append(
            MemoryGuard(
                Plans(needs, builds, partial(judge, limit_percent=85)),
                claims=opened.claims,
                machine=machine(pids),
                servers=lambda: servers.all,
                unload=servers.unload,
                log=logging.getLogger("guard"),
            )
        )
        yield opened


class Watched(Budget):
    """Notes how much it was told to seem free, each time that somebody looks."""

    looks: list[int]

    def memory(self, seems_free: int = 0) -> Memory:
        self.looks.append(seems_free)
        return super().memory(seems_free)


def budget(
    limit: int, looks: list[int] | None = None
) -> Callable[[Callable[[], list[int]]], Machine]:
    def made(pids: Callable[[], list[int]]) -> Machine:
        machine = Watched(this_machine(), limit, pids)
        machine.looks = [] if looks is None else looks
        return machine

    return made


def mac(
    *, pressed: Callable[[list[int]], bool], wired_limit_mb: int = 0
) -> Callable[[Callable[[], list[int]]], Machine]:
    """A Mac of 64 GB, most of it free, with these processes on it."""

    def made(pids: Callable[[], list[int]]) -> Machine:
        def run(program: str, *_: str) -> str:
            if program == "/usr/bin/vm_stat":
                return recorded("vm_stat.txt")
            text = recorded("sysctl.txt")
            if pressed(pids()):
                text = text.replace("pressure_level: 1", "pressure_level: 2")
            return text.replace("wired_limit_mb: 0", f"wired_limit_mb: {wired_limit_mb}")

        return Mac(run=run, taken=lambda pid: this_machine().process_memory([pid]))

    return made


async def ready(opened: Extension, model: Path, name: str, **faults: Any) -> int:
    await opened.start(model, name, ballast_megabytes=HELD, **faults)
    pid = (await opened.ready(name)).pid
    assert pid
    return pid


# --- a Mac ----------------------------------------------------------------------------------------


async def test_under_pressure_an_idle_server_makes_room_though_much_looks_free(
    tmp_path: Path, model: Path
) -> None:
    pressed = mac(pressed=lambda pids: len(pids) > 0)
    async with guarded(tmp_path, pressed, need=120 * MiB) as opened:
        first = await ready(opened, model, "first")
        await opened.start(model, "second")
        assert not runs(first)
        assert (await opened.ready("second")).note is None


async def test_under_lasting_pressure_a_start_has_what_was_given_back_for_it_and_no_more(
    tmp_path: Path, model: Path
) -> None:
    async with guarded(tmp_path, mac(pressed=bool), need=200 * MiB) as opened:
        first = await ready(opened, model, "first")
        with pytest.raises(NotEnoughMemory, match="the system is short of memory"):
            await opened.start(model, "second")
        assert runs(first), "nobody is ended in vain"


async def test_what_the_gpu_can_t_hold_is_refused_and_nobody_is_ended_for_it(
    tmp_path: Path, model: Path
) -> None:
    calm = mac(pressed=lambda _: False, wired_limit_mb=100)
    async with guarded(tmp_path, calm, smaller=SMALLER) as opened:
        with pytest.raises(NotEnoughMemory, match="The GPU of this machine can hold 100 MB") as no:
            await opened.start(model)
        assert no.value.candidates == (SMALLER.id,)
        assert no.value.hint
        assert no.value.hint.startswith("Serve owner/tiny-3bit instead, which needs 60 MB, or")


# --- words ----------------------------------------------------------------------------------------


async def test_the_ways_on_are_those_that_would_do(tmp_path: Path, model: Path) -> None:
    async with guarded(tmp_path, budget(370 * MiB), smaller=SMALLER) as opened:
        await opened.ask(
            model=str(model),
            name="mine",
            set={"pinned": True, "env": {"FAKE_ENGINE": f'{{"ballast_megabytes": {HELD}}}'}},
        )
        await opened.ready("mine")
        with pytest.raises(NotEnoughMemory) as no:
            await opened.start(model, "second")
        assert no.value.hint
        assert re.fullmatch(
            r"Serve owner/tiny-3bit instead, which needs 60 MB, set context_length to [1-7]000 or"
            r" less, stop mine, or start it all the same with --force\.",
            no.value.hint,
        )
        assert no.value.candidates == (SMALLER.id,)
        assert await asyncio.to_thread(opened.claims.find, "second") is None


# --- starts and ends that cross -------------------------------------------------------------------


async def test_a_start_waits_for_the_memory_of_what_is_being_ended(
    tmp_path: Path, model: Path
) -> None:
    async with guarded(tmp_path, budget(320 * MiB)) as opened:
        first = await ready(opened, model, "first", ignore_term=True)
        ending = asyncio.create_task(opened.servers.stop("first"))
        await until(lambda: not opened.claims.list()[0].wanted)
        await opened.start(model, "second")
        await ending
        assert not runs(first)
        await opened.ready("second")


async def test_to_restart_one_while_another_wants_its_room_ends_well(
    tmp_path: Path, model: Path
) -> None:
    async with guarded(tmp_path, budget(320 * MiB)) as opened:
        await ready(opened, model, "first")
        async with asyncio.timeout(30):
            done = await asyncio.gather(
                opened.servers.restart("first"),
                opened.start(model, "second"),
                return_exceptions=True,
            )
        failed = [each for each in done if isinstance(each, BaseException)]
        assert len(failed) == 1, done
        alive = [server for server in opened.servers.all if server.alive]
        assert len(alive) == 1


async def test_a_start_that_is_called_off_leaves_no_claim(tmp_path: Path, model: Path) -> None:
    looks: list[int] = []
    async with guarded(tmp_path, budget(320 * MiB, looks)) as opened:
        await ready(opened, model, "first", ignore_term=True, ignore_int=True)
        ending = asyncio.create_task(opened.servers.stop("first"))
        await until(lambda: not opened.claims.list()[0].wanted)
        looks.clear()
        starting = asyncio.create_task(opened.start(model, "second"))
        await until(lambda: looks)
        assert opened.claims.find("second")
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert opened.claims.find("second") is None
        await ending


async def test_who_is_used_through_another_jupyter_server_is_not_ended(
    tmp_path: Path, model: Path
) -> None:
    async with guarded(tmp_path, budget(320 * MiB)) as opened:
        first = await ready(opened, model, "first")
        (server,) = opened.servers.all
        told = partial(opened.claims.update, "first", server.stored.run)
        await asyncio.to_thread(told, last_used_at=datetime.now(UTC))
        with pytest.raises(NotEnoughMemory, match=r"first \d+ MB \(busy\)"):
            await opened.start(model, "second")
        assert runs(first)


async def test_a_request_that_just_began_through_another_extension_is_seen_before_an_end(
    tmp_path: Path, model: Path
) -> None:
    with another_jupyter() as other:
        async with (
            guarded(tmp_path, budget(320 * MiB)) as one,
            guarded(tmp_path, budget(320 * MiB), me=other) as two,
        ):
            first = await ready(one, model, "first")
            await two.ready("first")
            (theirs,) = two.servers.all
            starting = asyncio.create_task(one.start(model, "second"))
            theirs.use.begin()  # as the gateway does, a moment before it hears of the plan
            await until(lambda: not theirs.ready)
            with pytest.raises(NotEnoughMemory, match=r"first \d+ MB \(busy\)"):
                await starting
            assert runs(first)
            await until(lambda: theirs.ready)
            theirs.use.end()


async def test_an_idle_server_that_two_extensions_know_makes_room(
    tmp_path: Path, model: Path
) -> None:
    with another_jupyter() as other:
        async with (
            guarded(tmp_path, budget(320 * MiB)) as one,
            guarded(tmp_path, budget(320 * MiB), me=other) as two,
        ):
            first = await ready(one, model, "first")
            await two.ready("first")
            await two.start(model, "second")
            assert not runs(first)
            await one.until(lambda seen: "second" in seen and "first" not in seen)


async def test_a_server_that_another_extension_is_starting_counts(
    tmp_path: Path, model: Path
) -> None:
    with another_jupyter() as other:
        async with (
            guarded(tmp_path, budget(320 * MiB)) as one,
            guarded(tmp_path, budget(320 * MiB), me=other) as two,
        ):
            await one.start(model, "first", load_seconds=60)
            with pytest.raises(NotEnoughMemory, match=r"will take 1\d\d MB"):
                await two.start(model, "second")


# --- weights that are mapped ----------------------------------------------------------------------

#: An engine of somebody's own, which maps its weights as llama.cpp does.
MAPS = """
import http.server, mmap, sys
with open(sys.argv[1], "rb") as file:
    weights = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
sum(weights[offset] for offset in range(0, len(weights), 4096))
http.server.ThreadingHTTPServer(
    (sys.argv[2], int(sys.argv[3])), http.server.SimpleHTTPRequestHandler
).serve_forever()
"""


async def test_mapped_weights_of_a_server_are_not_free_for_another(
    tmp_path: Path, model: Path
) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(os.urandom(MiB) * 150)
    command = [sys.executable, "-c", MAPS, str(weights), "{host}", "{port}"]
    looks: list[int] = []
    async with guarded(tmp_path, budget(1000 * MiB, looks)) as opened:
        own = {"command": command, "ready_path": "/"}
        await opened.ask(model=str(model), name="own", engine="command", set=own)
        await opened.ready("own")
        await opened.start(model, "second")
    assert looks[0] == 0
    assert 150 * MiB <= looks[-1] < 200 * MiB
