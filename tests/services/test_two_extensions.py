"""Two extensions of one user share the servers: each tells its viewers the same story."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from mlx_manager_jupyter.errors import NameTaken
from mlx_manager_jupyter.schema import ServerChanged
from tests.fixtures.jupyter import runs
from tests.fixtures.models import make
from tests.services.extensions import Extension, another_jupyter, extension

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlx_manager_jupyter.schema import Identity


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make("chat", tmp_path / "tiny-chat")


@pytest.fixture
def other() -> Iterator[Identity]:
    with another_jupyter() as identity:
        yield identity


async def both_ready(*extensions: Extension) -> int:
    pids = {(await each.ready()).pid for each in extensions}
    (pid,) = pids
    assert pid
    return pid


async def test_a_server_that_is_stopped_elsewhere_while_it_loads_stays_gone(
    tmp_path: Path, model: Path, other: Identity
) -> None:
    async with extension(tmp_path) as one, extension(tmp_path, other) as two:
        await one.start(model, load_seconds=60)
        await two.until(lambda seen: "tiny" in seen and seen["tiny"].state == "loading")
        await one.servers.stop("tiny")
        await two.until(lambda seen: not seen)
        told = len(two.events)
        await asyncio.sleep(1.2)  # more than two of the looks at how far a load has come
        assert two.events[told:] == []


async def test_a_crash_is_told_to_the_viewers_of_both(
    tmp_path: Path, model: Path, other: Identity
) -> None:
    async with extension(tmp_path) as one, extension(tmp_path, other) as two:
        await one.start(model)
        os.kill(await both_ready(one, two), signal.SIGKILL)
        for each in (one, two):
            failed = await each.until(lambda seen: not seen or seen["tiny"].state == "failed")
            assert failed["tiny"].error
            assert failed["tiny"].error.code == "engine_crashed"
            assert [server.state for server in await each.servers.list()] == ["failed"]
        # Whoever tries again, both see it.
        await two.servers.restart("tiny")
        await both_ready(one, two)
        await one.servers.stop("tiny")
        await two.until(lambda seen: not seen)


async def test_two_servers_started_at_once_get_two_ports(
    tmp_path: Path, model: Path, other: Identity
) -> None:
    async with extension(tmp_path) as one, extension(tmp_path, other) as two:
        names = ("a", "b", "c", "d")
        started = await asyncio.gather(
            *((one, two)[index % 2].start(model, name) for index, name in enumerate(names))
        )
        assert len({server.port for server, _ in started}) == len(names)
        for name in names:
            await one.ready(name)
        processes = {
            event.server.pid
            for event in one.events
            if isinstance(event, ServerChanged) and event.server.pid
        }
        assert len(processes) == len(names), "none was started twice"


async def test_joining_a_start_with_other_settings_is_refused(
    tmp_path: Path, model: Path, other: Identity
) -> None:
    async with extension(tmp_path) as one, extension(tmp_path, other) as two:
        answers = await asyncio.gather(
            one.start(model), two.start(model, first_token_seconds=0.1), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, BaseException)]
        assert [type(each) for each in refused] == [NameTaken]


async def test_a_stop_finds_what_another_extension_started_just_now(
    tmp_path: Path, model: Path, other: Identity
) -> None:
    async with extension(tmp_path) as one, extension(tmp_path, other) as two:
        await one.start(model)
        await two.servers.stop("tiny")
        await one.until(lambda seen: not seen)


async def test_a_claim_that_came_to_nothing_does_not_keep_the_name(
    tmp_path: Path, model: Path, other: Identity
) -> None:
    async with extension(tmp_path) as one, extension(tmp_path, other) as two:
        await one.start(model, "template")
        claim = await asyncio.to_thread(one.claims.find, "template")
        assert claim
        profile = replace(claim.profile, name="tiny")
        held = replace(
            claim, name="tiny", run="feed", profile=profile, process=None, owner=other, port=29_999
        )
        await asyncio.to_thread(two.claims.claim, held)
        starting = asyncio.ensure_future(one.start(model))
        await asyncio.sleep(0.2)
        assert not starting.done(), "it waits for the process of the other extension"
        await asyncio.to_thread(two.claims.release, "tiny", "feed")
        assert (await asyncio.wait_for(starting, 5))[1]
        await one.ready()


async def test_the_last_to_leave_ends_what_the_other_left_to_it_a_moment_ago(
    tmp_path: Path, model: Path, other: Identity
) -> None:
    async with extension(tmp_path, sync_interval=60.0) as one:
        async with extension(tmp_path, other) as two:
            server = (await two.start(model))[0]
        assert server.pid
        assert runs(server.pid)
        assert one.seen() == {}
    assert not runs(server.pid)
