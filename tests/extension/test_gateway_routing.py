"""Which server a request goes to, for whom, and when it is its turn."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from mlx_manager_jupyter.schema import StoredServer
from tests.extension.asking import Chat, User
from tests.extension.test_servers import API, start, until

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlx_manager_jupyter.extension.app import MLXManager
    from tests.extension.conftest import Door

QUEUE = 3
#: An engine whose answers end when their clients leave.
ENDLESS = {"tokens": "word " * 5000, "token_seconds": 0.05}


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    jp_server_config["Gateway"] = {"notice_interval": 0.2, "queue_size": QUEUE}
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


async def serve(user: User, faults: dict[str, Any] | None = None, **fields: Any) -> None:
    """A ready server named tiny."""
    settings = {"env": user.env(**(faults or {})), **fields}
    await start(user.door, model=str(user.model), name="tiny", set=settings)
    await until(user.door, "tiny", "ready")


async def test_every_name_leads_to_it_and_none_is_told_to_the_engine(user: User) -> None:
    await user.save("calm", aliases=["soft"])
    folder = str(user.model)
    for name in ("calm", "soft", folder, user.model.name, f"{folder}:calm", "tiny-chat:calm"):
        answer = await user.ask(name)
        assert answer.code == 200, answer.body
        assert json.loads(answer.body)["model"] == name
    assert len(user.seen("started")) == 1
    assert {each["body"]["model"] for each in user.seen("request")[1:]} == {"default_model"}
    assert not user.seen("offence")
    wrong = await user.ask(f"{folder}:clam")
    assert wrong.code == 404
    assert "calm" in json.loads(wrong.body)["error"]["message"]


async def test_a_name_of_several_is_refused_with_their_names(user: User) -> None:
    for name, temperature in (("warm", 0.9), ("cold", 0.1)):
        await user.save(name, temperature=temperature)
    answer = await user.ask(str(user.model))
    assert answer.code == 400
    error = json.loads(answer.body)["error"]
    assert error["code"] == "ambiguous_model"
    assert "cold or warm" in error["message"]
    assert (await user.ask("warm")).code == 200
    assert (await user.ask(str(user.model))).code == 200, "the one that answers is meant"
    assert len(user.seen("started")) == 1


async def test_models_lists_what_may_be_asked_with_its_state(user: User) -> None:
    await user.save("calm", aliases=["soft"])
    await user.save("off", on_demand=False)
    await serve(user)
    key = await user.new_key()
    listed = (await user.door.json("v1/models", token=key))["data"]
    assert {each["id"]: each["state"] for each in listed} == {"tiny": "ready", "calm": "stopped"}
    assert listed[1]["root"] == str(user.model)
    assert listed[1]["aliases"] == ["soft"]
    one = await user.door.json(f"v1/models/{quote(str(user.model), safe='')}:calm", token=key)
    assert one == listed[1]
    assert (await user.door.fetch("v1/models/clam", token=key)).code == 404
    assert len(user.seen("started")) == 1
    narrow = await user.new_key(profiles=["calm"])
    seen = await user.door.json("v1/models", token=narrow)
    assert [each["id"] for each in seen["data"]] == ["calm"]


async def test_a_key_leads_to_its_profiles_alone(user: User) -> None:
    await user.save("calm")
    await serve(user)
    user.key = await user.new_key(profiles=["calm"])
    refused = await user.ask("tiny")
    assert refused.code == 403
    error = json.loads(refused.body)["error"]
    assert error["code"] == "forbidden"
    assert "It opens calm." in error["message"]
    assert len(user.seen("started")) == 1
    # By the model's own name it gets what it may, though another server has that model ready.
    answer = await user.ask(str(user.model))
    assert answer.code == 200
    assert answer.headers["X-MLX-Server"] == "calm"
    assert [record.status for record in user.records] == [403, 200]


class Line:
    """One client holds the only turn of a server, and others queue up behind it."""

    def __init__(self, user: User, stack: AsyncExitStack, held: Chat) -> None:
        self.user = user
        self.held = held
        self._stack = stack
        self._waiting = 0

    async def join(self, text: str, **options: Any) -> Chat:
        """One more, who is there before the next comes; the answer is a single token."""
        said = {"messages": [{"role": "user", "content": text}], "max_tokens": 1}
        chat = await self._stack.enter_async_context(
            await self.user.chat("tiny", **said, **options)
        )
        self._waiting += 1
        await self.user.waits(self._waiting)
        return chat

    async def answered(self) -> list[str]:
        """Let them go, and see in which order the engine was asked."""
        self.held.leave()
        await self.user.until(lambda: len(self._asked()) == self._waiting)
        return self._asked()

    def _asked(self) -> list[str]:
        said = (each["body"]["messages"][0]["content"] for each in self.user.seen("request"))
        return [text for text in said if text in {"a", "b", "c", "d"}]


@pytest.fixture
def line(user: User, jp_asyncio_loop: AbstractEventLoop) -> Iterator[Line]:
    stack = AsyncExitStack()

    async def begin() -> Line:
        await serve(user, ENDLESS, decode_concurrency=1)
        held = await stack.enter_async_context(await user.chat("tiny"))
        await held.begin()
        return Line(user, stack, held)

    yield jp_asyncio_loop.run_until_complete(begin())
    jp_asyncio_loop.run_until_complete(stack.aclose())


async def test_interactive_goes_before_batch_that_came_earlier(line: Line) -> None:
    for text, lane in (("a", "batch"), ("b", "batch"), ("c", "interactive"), ("d", "")):
        await line.join(text, lane=lane)
    assert await line.answered() == ["c", "d", "a", "b"]
    await line.user.until(lambda: len(line.user.records) == 5)
    lanes = {record.lane: record.queue_seconds for record in line.user.records[1:]}
    assert set(lanes) == {"batch", "interactive"}
    assert all(waited > 0 for waited in lanes.values())


async def test_two_keys_take_turns(line: Line) -> None:
    other = await line.user.new_key()
    for text in "ab":
        await line.join(text)
    line.user.key = other
    await line.join("c")
    assert await line.answered() == ["a", "c", "b"]


async def test_beyond_the_queue_it_is_said_when_to_come_again(line: Line) -> None:
    for text in "abc"[:QUEUE]:
        await line.join(text, lane="batch")
    async with await line.user.chat("tiny", lane="batch") as refused:
        error = await refused.error()
    assert refused.status == 503
    assert error["code"] == "queue_full"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    await line.join("d")  # the other lane has room
    assert await line.answered() == ["d", "a", "b", "c"]


async def test_a_stream_is_told_that_it_waits(line: Line) -> None:
    chat = await line.join("a")
    assert await chat.begin() == 200
    await chat.until(": tiny is busy, 1 requests wait")
    line.held.leave()
    assert "data: [DONE]" in await chat.done()


async def test_a_plain_request_waits_no_longer_than_it_may(line: Line) -> None:
    rules = line.user.extension.managers.gateway._waiting
    rules.rules = replace(rules.rules, patience=0.5)
    chat = await line.join("a", stream=False)
    error = await chat.error()
    assert chat.status == 503
    assert error["code"] == "queue_full"
    assert "within 0.5 s" in error["message"]
    await line.user.waits(0)


@pytest.mark.parametrize("stream", [True, False])
async def test_who_leaves_the_queue_is_forgotten_and_never_asked_for(
    line: Line, *, stream: bool
) -> None:
    gone = await line.join("a", stream=stream)
    await line.join("b")
    gone.leave()
    await line.user.waits(1)
    (record,) = line.user.records
    assert (record.status, record.finish) == (499, "cancelled")
    assert record.server == "tiny"
    assert record.completion_tokens is None
    line.held.leave()
    await line.user.until(lambda: line.user.asked("b"))
    assert not line.user.asked("a")
    server = line.user.extension.managers.servers.known("tiny")
    assert server
    await line.user.until(lambda: server.use.in_flight == 0)


async def test_who_leaves_before_the_end_of_the_body_leaves_nothing_behind(user: User) -> None:
    before = handling()
    async with Chat(user.door, await user.new_key(), "tiny", cut=100) as chat:
        await user.until(lambda: handling() > before)
        chat.leave()
    await user.until(lambda: handling() == before)
    assert user.records == []


def handling() -> int:
    """Requests that tornado is at, or aiohttp's server at the door."""
    coroutines = [repr(task.get_coro()) for task in asyncio.all_tasks()]
    return sum("_execute" in each or "_handle_request" in each for each in coroutines)


async def test_those_who_wait_are_told_when_their_server_is_stopped(line: Line) -> None:
    chat = await line.join("a", stream=False)
    await line.user.door.fetch(f"{API}/servers/tiny", method="DELETE")
    error = await chat.error()
    assert chat.status == 503
    assert "'tiny' was stopped" in error["message"]
    assert len(line.user.seen("started")) == 1


async def test_a_request_may_say_how_long_its_server_stays(user: User) -> None:
    await serve(user, idle_unload_seconds=3600.0)
    assert (await user.ask("tiny", ttl=1800)).code == 200
    await user.until(lambda: stored_ttl(user) == 1800.0)
    assert (await user.servers())["tiny"]["idle_unload_seconds"] == 1800.0
    assert (await user.ask("tiny", ttl=-1)).code == 400
    assert (await user.ask("tiny", ttl=None)).code == 200
    assert (await user.servers())["tiny"]["idle_unload_seconds"] == 1800.0
    assert (await user.ask("tiny", ttl=0.2)).code == 200
    await user.until(lambda: user.state("tiny") == "stopped")
    assert not any("ttl" in each["body"] for each in user.seen("request"))


def stored_ttl(user: User) -> float | None:
    """What other Jupyter servers are told."""
    stored = user.extension._store.get(StoredServer, "tiny")
    return stored.ttl if stored else None
