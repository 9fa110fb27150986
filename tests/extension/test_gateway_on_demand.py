"""Servers that a request starts: once for all who ask, told as it goes, with room made for them."""

from __future__ import annotations

import asyncio
import json
import random
import re
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from tests.extension.asking import ASK, User
from tests.extension.test_servers import API
from tests.fixtures.jupyter import Jupyter, runs
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlx_manager_jupyter.extension.app import MLXManager
    from tests.extension.conftest import Door

MiB = 2**20
#: As in test_memory_guard: two servers that hold so much have room, a third has not.
HELD, LIMIT = 190, 620 * MiB
START_QUEUE = 3


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    jp_server_config["MLXManager"]["memory_limit"] = LIMIT
    jp_server_config["Gateway"] = {"start_queue_size": START_QUEUE, "notice_interval": 0.2}
    jp_server_config["ServerManager"]["restart_delay"] = 0.2
    return jp_server_config


@pytest.fixture
def user(
    door: Door,
    extension: MLXManager,
    model: Path,
    fake_env: Callable[..., dict[str, str]],
    tmp_path: Path,
) -> User:
    return User(door, extension, model, fake_env, tmp_path / "journal.jsonl")


async def test_two_who_ask_at_once_start_one_engine_and_both_are_answered(user: User) -> None:
    await user.save("tiny", {"load_seconds": 0.5})
    first, second = await asyncio.gather(user.ask("tiny"), user.ask(str(user.model)))
    assert (first.code, second.code) == (200, 200), (first.body, second.body)
    assert len(user.seen("started")) == 1
    assert (await user.servers())["tiny"]["profile"] == "tiny"
    assert [record.server for record in user.records] == ["tiny", "tiny"]
    for record in user.records:
        assert record.load_seconds > 0
        assert record.seconds >= record.load_seconds
    assert (await user.ask("tiny")).code == 200
    assert user.records[-1].load_seconds == 0.0
    assert len(user.seen("started")) == 1


async def test_a_stream_is_told_that_it_loads_and_then_answered(user: User) -> None:
    await user.save("tiny", {"load_seconds": 1.5})
    async with await user.chat("tiny") as chat:
        assert await chat.begin() == 200
        assert chat.headers["x-mlx-server"] == "tiny"
        assert chat.headers["x-mlx-engine"] == "mlx-lm"
        assert chat.headers["content-type"] == "text/event-stream"
        lines = await chat.done()
    notices = [line for line in lines if line.startswith(": loading")]
    assert notices, lines
    assert all(re.fullmatch(r": loading tiny(, \d+ %)?", line) for line in notices), notices
    assert lines.index(notices[-1]) < next(
        number for number, line in enumerate(lines) if line.startswith("data: ")
    )


@pytest.mark.parametrize("stream", [True, False])
async def test_a_start_that_fails_tells_everybody_why(user: User, *, stream: bool) -> None:
    await user.save("tiny", {"die_at_load": "Unknown quantization", "load_seconds": 1.2})
    first, second = await user.chat("tiny", stream=False), await user.chat("tiny", stream=stream)
    async with first, second:
        told = await first.error()
        assert first.status == 502
        assert "Unknown quantization" in told["message"]
        if stream:  # it has begun by then, so the error is in the stream
            assert await second.begin() == 200
            line = await second.until("data: ")
            assert json.loads(line.removeprefix("data: "))["error"] == told
        else:
            assert await second.error() == told
    assert len(user.seen("started")) == 1
    assert {record.status for record in user.records} == {502}
    # To ask again at once starts nothing: it would fail again.
    again = await user.ask("tiny")
    assert again.code == 502
    assert "Unknown quantization" in json.loads(again.body)["error"]["message"]
    assert len(user.seen("started")) == 1


async def test_one_that_failed_a_while_ago_is_tried_again(user: User, tmp_path: Path) -> None:
    user.extension.managers.gateway._arrivals._cool_down *= 0
    await user.save("tiny", {"exit_at_load": 3})
    assert (await user.ask("tiny")).code == 502
    env = {"FAKE_ENGINE": "{}", "FAKE_ENGINE_JOURNAL": str(tmp_path / "journal.jsonl")}
    await user.door.json(f"{API}/profiles/tiny", method="PATCH", body={"env": env})
    assert (await user.ask("tiny")).code == 200
    assert len(user.seen("started")) == 2


async def test_one_that_crashed_is_waited_for_while_it_is_started_again(user: User) -> None:
    await user.save("tiny", {"crash_after_requests": 1, "load_seconds": 0.3})
    assert (await user.ask("tiny")).code == 502
    await user.until(lambda: user.state("tiny") != "ready")
    again = await asyncio.gather(user.ask("tiny", max_tokens=1), user.ask("tiny", max_tokens=1))
    assert [answer.code for answer in again] == [200, 200], [answer.body for answer in again]
    assert len(user.seen("started")) == 2


async def test_what_can_not_be_started_at_all_is_said_at_once(user: User) -> None:
    await user.save("tiny", port=urlsplit(user.door.url).port)
    answer = await user.ask("tiny")
    assert answer.code == 502
    error = json.loads(answer.body)["error"]
    assert error["code"] == "port_taken"
    assert await user.servers() == {}


async def test_only_so_many_wait_for_a_start(user: User) -> None:
    await user.save("tiny", {"load_seconds": 2.5})
    waiting = [asyncio.create_task(user.ask("tiny")) for _ in range(START_QUEUE)]
    await user.waits(START_QUEUE)
    refused = await user.ask("tiny")
    assert refused.code == 503
    assert json.loads(refused.body)["error"]["code"] == "queue_full"
    assert 1 <= int(refused.headers["Retry-After"]) <= 30
    assert [answer.code for answer in await asyncio.gather(*waiting)] == [200] * START_QUEUE
    await user.waits(0)


@pytest.mark.parametrize("stream", [True, False])
async def test_who_leaves_makes_room_and_the_start_goes_on(user: User, *, stream: bool) -> None:
    await user.save("tiny", {"load_seconds": 2.5})
    chats = [await user.chat("tiny", stream=stream) for _ in range(START_QUEUE)]
    for chat in chats:
        await chat.__aenter__()
    await user.waits(START_QUEUE)
    for chat in chats:
        chat.leave()
    await user.waits(0)
    assert [record.status for record in user.records] == [499] * START_QUEUE
    assert {record.finish for record in user.records} == {"cancelled"}
    await user.until(lambda: user.state("tiny") == "ready")
    server = user.extension.managers.servers.known("tiny")
    assert server
    assert server.use.in_flight == 0
    assert [each["body"]["max_tokens"] for each in user.seen("request")] == [1], "the probe alone"


async def test_one_that_is_stopped_while_it_is_waited_for_is_not_started_again(user: User) -> None:
    await user.save("tiny", {"load_seconds": 60})
    asked = asyncio.create_task(user.ask("tiny"))
    await user.waits(1)
    await user.until(lambda: user.seen("started"))
    await user.door.fetch(f"{API}/servers/tiny", method="DELETE")
    answer = await asked
    assert answer.code == 503
    assert "was stopped" in json.loads(answer.body)["error"]["message"]
    assert len(user.seen("started")) == 1


async def test_those_who_wait_are_told_that_jupyter_stops(user: User) -> None:
    await user.save("tiny", {"load_seconds": 60})
    asked = asyncio.create_task(user.ask("tiny"))
    await user.waits(1)
    await user.extension.managers.gateway.close()
    for answer in (await asked, await user.ask("tiny")):
        assert answer.code == 503
        assert "is stopping" in json.loads(answer.body)["error"]["message"]
    await user.waits(0)


@pytest.mark.parametrize("seed", [1, 2])
async def test_wherever_clients_leave_nothing_is_left_of_them(user: User, seed: int) -> None:
    chance = random.Random(seed)
    user.extension.managers.gateway._waiting.rules = replace(
        user.extension.managers.gateway._waiting.rules, starting=100
    )
    pace = {"load_seconds": 0.5, "first_token_seconds": 0.05, "token_seconds": 0.05}
    await user.save("tiny", pace, decode_concurrency=3)
    user.key = await user.new_key()

    async def come_and_go() -> None:
        lane = chance.choice(["batch", "interactive"])
        stays = chance.uniform(0.0, 3.0)
        async with await user.chat("tiny", stream=chance.random() < 0.5, lane=lane):
            await asyncio.sleep(stays)

    await asyncio.gather(*(come_and_go() for _ in range(60)))
    gateway = user.extension.managers.gateway
    await user.until(lambda: gateway._arrivals._arrivals == {})
    server = user.extension.managers.servers.known("tiny")
    assert server
    turnstile = gateway._waiting.turnstile(server)
    traffic = user.extension.managers.metrics.traffic("tiny")

    def left() -> list[int]:
        counted = [traffic.in_flight, traffic.queued, turnstile.going, turnstile.waiting]
        return [*counted, server.use.in_flight]

    await user.until(lambda: not any(left()))
    assert {record.status for record in user.records} <= {200, 499}
    assert (await user.ask("tiny")).code == 200
    assert not any(left())


async def test_a_profile_that_does_not_start_on_request_says_so(user: User) -> None:
    await user.save("tiny", on_demand=False)
    answer = await user.ask("tiny")
    assert answer.code == 503
    assert "%mlx_serve tiny" in json.loads(answer.body)["error"]["message"]


async def test_it_makes_room_by_ending_the_least_recently_used(user: User) -> None:
    held = {"ballast_megabytes": HELD}
    for name, pinned in (("one", True), ("two", False), ("three", False)):
        await user.save(name, held, pinned=pinned)
    # 'one' was used longest ago, but is pinned.
    for name in ("one", "two"):
        assert (await user.ask(name)).code == 200
    two = (await user.servers())["two"]
    assert (await user.ask("three")).code == 200
    assert not runs(two["pid"])
    assert set(await user.servers()) == {"one", "three"}


async def test_without_room_the_numbers_are_told(user: User) -> None:
    held = {"ballast_megabytes": HELD}
    for name in ("one", "two"):
        await user.save(name, held, pinned=True)
        assert (await user.ask(name)).code == 200
    await user.save("three", held)
    refused = await user.ask("three")
    assert refused.code == 503
    error = json.loads(refused.body)["error"]
    assert error["code"] == "not_enough_memory"
    assert re.search(r"three needs 2\d\d MB", error["message"])
    assert set(await user.servers()) == {"one", "two"}
    assert user.records[-1].status == 503


async def test_one_for_which_requests_wait_is_not_ended_for_another(user: User) -> None:
    slow = {"ballast_megabytes": HELD, "token_seconds": 60}
    await user.save("one", slow, decode_concurrency=1)
    await user.save("two", {"ballast_megabytes": HELD}, pinned=True)
    await user.save("three", {"ballast_megabytes": HELD})
    assert (await user.ask("two")).code == 200
    first, second = await user.chat("one"), await user.chat("one")
    async with first:
        await first.begin()
        async with second:
            await user.waits(1, "one")
            first.leave()
            await user.waits(0, "one")
            assert (await user.ask("three")).code == 503
    assert {"one", "two"} == set(await user.servers())


def test_two_jupyter_servers_start_one_engine_and_both_lead_to_it(tmp_path: Path) -> None:
    model = make("chat", tmp_path / "tiny-chat")
    env = {"FAKE_ENGINE": json.dumps({"load_seconds": 1})}
    folder = tmp_path / "user"
    with Jupyter(folder, env=env) as one, Jupyter(folder, env=env) as two:
        one.api("profiles", "POST", {"name": "tiny", "model": str(model)})
        answers = asyncio.run(_ask_at_once([one, two, one, two]))
        assert answers == ["The capital of France is Paris."] * 4
        assert len(one.api("servers")) == len(two.api("servers")) == 1
        assert one.api("servers")[0]["pid"] == two.api("servers")[0]["pid"]


async def _ask_at_once(jupyters: list[Jupyter]) -> list[str]:
    return await asyncio.gather(*(asyncio.to_thread(_ask, each) for each in jupyters))


def _ask(jupyter: Jupyter) -> str:
    key = jupyter.api("keys", "POST", {"label": "test"})["secret"]
    url = json.loads(jupyter.connection_file.read_text("utf-8"))["url"]
    request = urllib.request.Request(  # noqa: S310  loopback
        f"{url}v1/chat/completions",
        data=json.dumps({"model": "tiny", "messages": ASK}).encode(),
        headers={"Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  loopback
        text: str = json.load(answer)["choices"][0]["message"]["content"]
        return text
