"""The memory guard over HTTP: a real Jupyter server, engines that really hold memory.

The machine is made small by the setting that people have for it: all servers together may take
`LIMIT`. Each engine holds `HELD` megabytes once it has loaded, a little less than is planned.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import urllib.error
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.hardware import this_machine
from mlx_manager_jupyter.schema import StoredServer
from tests.extension.test_servers import API, start, until
from tests.fixtures.jupyter import Jupyter, runs
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlx_manager_jupyter.extension.app import MLXManager
    from tests.extension.conftest import Door

MiB = 2**20
#: What is planned for a server of the tiny model is some 240 MiB, nearly all for the engine.
HELD = 190
#: Two of them have room (the second takes some 60 % of what the first leaves), a third has not.
LIMIT = 620 * MiB


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    jp_server_config["MLXManager"]["memory_limit"] = LIMIT
    return jp_server_config


class Servers:
    """Starts servers of one model that hold memory."""

    def __init__(
        self, door: Door, extension: MLXManager, model: Path, env: Callable[..., dict[str, str]]
    ) -> None:
        self.door = door
        self.extension = extension
        self.model = model
        self._env = env

    async def start(
        self, name: str, *, expect: int = 202, force: bool = False, faults: Any = None, **more: Any
    ) -> dict[str, Any]:
        env = self._env(**{"ballast_megabytes": HELD, **(faults or {})})
        settings = {"env": env, **more}
        wanted = {"model": str(self.model), "name": name, "force": force, "set": settings}
        return await start(self.door, expect, **wanted)

    async def ready(self, name: str, **options: Any) -> dict[str, Any]:
        await self.start(name, **options)
        return await until(self.door, name, "ready")

    async def chat(self, name: str) -> None:
        body = {"model": name, "messages": [{"role": "user", "content": "hi"}]}
        key = await self.door.json(f"{API}/keys", method="POST", body={"label": "test"})
        answer = await self.door.fetch(
            "v1/chat/completions", method="POST", body=body, token=key["secret"]
        )
        assert answer.code == 200, answer.body

    async def names(self) -> set[str]:
        return {server["name"] for server in await self.door.json(f"{API}/servers")}

    async def memory(self) -> dict[str, Any]:
        status: dict[str, Any] = await self.door.json(f"{API}/status")
        memory: dict[str, Any] = status["memory"]
        return memory

    def planned(self, name: str) -> int | None:
        stored = self.extension._store.get(StoredServer, name)
        return stored.needed_bytes if stored else None


@pytest.fixture
def servers(
    door: Door, extension: MLXManager, model: Path, fake_env: Callable[..., dict[str, str]]
) -> Servers:
    return Servers(door, extension, model, fake_env)


async def test_what_fits_starts_and_the_store_says_what_was_planned(servers: Servers) -> None:
    ready = await servers.ready("one")
    assert ready["note"] is None
    planned = servers.planned("one")
    assert planned
    assert 238 * MiB < planned < 300 * MiB
    memory = await servers.memory()
    assert memory["total_bytes"] == LIMIT
    assert HELD * MiB < memory["used_bytes"] < (HELD + 80) * MiB


async def test_what_does_not_fit_is_refused_with_the_numbers_and_a_way_on(
    servers: Servers,
) -> None:
    await servers.ready("one", pinned=True)
    await servers.ready("two", pinned=True)
    problem = await servers.start("three", expect=409)
    assert problem["code"] == "not_enough_memory"
    message = problem["message"]
    assert re.match(r"three needs 2\d\d MB: \d+ MB of weights, \d+ MB for [\d,]+ tokens", message)
    assert re.search(r"\d+ MB are free now, of which it could take \d+ MB\.", message)
    assert re.search(r"Servers hold 4\d\d MB: .*one 2\d\d MB \(pinned\)", message)
    assert "None of them may be ended to make room." in message
    assert re.search(r"Stop (one|two), or start it all the same with --force\.", problem["hint"])
    assert await servers.names() == {"one", "two"}
    assert servers.planned("three") is None, "nothing is promised to what was refused"


async def test_the_least_recently_used_idle_server_makes_room_and_its_memory_comes_back(
    servers: Servers,
) -> None:
    one, two = await servers.ready("one"), await servers.ready("two")
    await servers.chat("one")  # from here on two is the one that was used longest ago
    before = await servers.memory()
    await servers.start("three", faults={"load_seconds": 60})
    assert not runs(two["pid"])
    assert runs(one["pid"])
    assert await servers.names() == {"one", "three"}
    after = await servers.memory()
    assert after["available_bytes"] - before["available_bytes"] > 0.8 * HELD * MiB
    assert this_machine().process_memory([two["pid"]]) == 0


async def test_no_pinned_server_is_ended_though_it_was_used_longest_ago(servers: Servers) -> None:
    one, two = await servers.ready("one", pinned=True), await servers.ready("two")
    await servers.chat("two")
    await servers.ready("three")
    assert runs(one["pid"])
    assert not runs(two["pid"])


async def test_no_server_is_ended_while_it_answers(servers: Servers) -> None:
    slow = {"token_seconds": 60}
    one = await servers.ready("one", faults=slow)
    two = await servers.ready("two", faults=slow)
    chats = [asyncio.create_task(servers.chat(name)) for name in ("one", "two")]
    try:
        async with asyncio.timeout(10):
            running = servers.extension.managers.servers.all
            while not all(server.use.in_flight for server in running):
                assert not any(chat.done() for chat in chats)
                await asyncio.sleep(0.01)
        problem = await servers.start("three", expect=409)
        assert problem["message"].count("(busy)") == 2
        assert runs(one["pid"])
        assert runs(two["pid"])
    finally:
        for chat in chats:
            chat.cancel()
        await asyncio.gather(*chats, return_exceptions=True)


async def test_nobody_is_ended_when_that_would_not_be_enough(servers: Servers) -> None:
    one = await servers.ready("one")
    huge = make("chat", servers.model.parent / "huge")
    with (huge / "model.safetensors").open("rb") as file:
        head = file.read(8)
        header = json.loads(file.read(int.from_bytes(head, "little")))
    grow(huge, header, 2**30)
    servers.model = huge
    problem = await servers.start("huge", expect=409)
    assert re.search(r"huge needs 1\.\d GB: 1\.\d GB of weights", problem["message"])
    assert "which is too little" in problem["message"]
    assert runs(one["pid"])


def grow(model: Path, header: dict[str, Any], size: int) -> None:
    """Add one tensor of that size, of which nothing is on the disk."""
    weights = model / "model.safetensors"
    old = weights.read_bytes()
    data = old[8 + int.from_bytes(old[:8], "little") :]
    header["more"] = {
        "dtype": "U8",
        "shape": [size],
        "data_offsets": [len(data), len(data) + size],
    }
    text = json.dumps(header).encode()
    with weights.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)
        file.truncate(8 + len(text) + len(data) + size)


async def test_force_starts_it_all_the_same_says_so_and_ends_nobody(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    one = await servers.ready("one", pinned=True)
    two = await servers.ready("two", pinned=True)
    forced = await servers.ready("three", force=True)
    assert forced["note"].startswith("Started by force. three needs 2")
    assert "started by force: three needs 2" in caplog.text
    assert runs(one["pid"])
    assert runs(two["pid"])
    await servers.door.json(f"{API}/servers/three/restart", method="POST")
    assert (await until(servers.door, "three", "ready"))["pid"] != forced["pid"]


async def test_what_starts_counts_before_it_holds_anything(servers: Servers) -> None:
    slow = {"load_seconds": 60}
    await servers.start("one", faults=slow)
    await servers.start("two", faults=slow)
    problem = await servers.start("three", expect=409)
    assert re.search(r"Servers that are starting will take 4\d\d MB", problem["message"])
    assert problem["message"].count("(starting)") == 2
    await servers.door.fetch(f"{API}/servers/two", method="DELETE")
    await servers.start("three", faults=slow)


async def test_of_starts_at_the_same_time_only_those_are_let_in_that_fit(
    servers: Servers,
) -> None:
    slow = servers._env(ballast_megabytes=HELD, load_seconds=2)
    wanted = [
        {"model": str(servers.model), "name": f"s{number}", "set": {"env": slow, "pinned": True}}
        for number in range(6)
    ]
    answers = await asyncio.gather(
        *(servers.door.fetch(f"{API}/servers", method="POST", body=each) for each in wanted)
    )
    assert sorted(answer.code for answer in answers) == [202, 202, 409, 409, 409, 409]
    assert len(await servers.names()) == 2


async def test_little_room_is_said(servers: Servers) -> None:
    # The first holds half of the limit, and of the other half the second takes some 79 %.
    await servers.ready("one", faults={"ballast_megabytes": HELD + 105}, pinned=True)
    tight = await servers.ready("two")
    assert re.match(
        r"Memory is tight: it needs 2\d\d MB of the \d+ MB that were free\.", tight["note"]
    )


async def test_a_model_of_unknown_size_starts_with_a_note(servers: Servers) -> None:
    command = [sys.executable, "-m", "http.server", "{port}", "--bind", "{host}"]
    own = {"name": "own", "engine": "command", "command": command, "ready_path": "/"}
    await servers.door.json(f"{API}/profiles", method="POST", body=own)
    await start(servers.door, profile="own")
    ready = await until(servers.door, "own", "ready")
    assert ready["note"] == "The memory was not checked: nobody can say how much it needs."


async def test_what_servers_held_corrects_what_is_planned(servers: Servers) -> None:
    await servers.ready("one", faults={"ballast_megabytes": 2 * HELD})
    first = servers.planned("one")
    extension = servers.extension
    extension._watched(True)  # noqa: FBT003  as the event stream says it
    try:
        async with asyncio.timeout(15):
            while not extension.managers.models._memory.usage:
                await asyncio.sleep(0.05)
    finally:
        extension._watched(False)  # noqa: FBT003  the same
    await servers.door.fetch(f"{API}/servers/one", method="DELETE")
    await servers.ready("again")
    again = servers.planned("again")
    assert first
    assert again
    assert again > first + 40 * MiB


def test_two_jupyter_servers_do_not_count_the_same_memory(tmp_path: Path) -> None:
    model = make("chat", tmp_path / "tiny-chat")
    options = (f"--MLXManager.memory_limit={LIMIT}",)
    env = {"FAKE_ENGINE": json.dumps({"ballast_megabytes": HELD, "load_seconds": 2})}
    folder = tmp_path / "user"
    with (
        Jupyter(folder, options=options, env=env) as one,
        Jupyter(folder, options=options, env=env) as two,
    ):
        codes = asyncio.run(_start_at_once([one, two], model))
        assert sorted(codes) == [202, 202, 409, 409]
        assert len(one.api("servers")) == 2
        for server in one.api("servers"):
            two.until(server["name"], "ready")
        held = [this_machine().process_memory([each["pid"]]) for each in two.api("servers")]
        assert sum(held) < 0.85 * LIMIT


async def _start_at_once(jupyters: list[Jupyter], model: Path) -> list[int]:
    wanted = {"model": str(model), "set": {"pinned": True}}  # once ready, idle ones would go

    def ask(jupyter: Jupyter, name: str) -> int:
        try:
            jupyter.api("servers", "POST", {**wanted, "name": name})
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        return 202

    return await asyncio.gather(
        *(asyncio.to_thread(ask, jupyters[n % 2], f"s{n}") for n in range(4))
    )
