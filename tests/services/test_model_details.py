"""What only a repo's own files tell: asked for once, and while somebody waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.hub import Hub
from mlx_manager_jupyter.errors import UnknownModel
from mlx_manager_jupyter.services.models import details as module
from mlx_manager_jupyter.services.models.details import DetailsKeeper
from mlx_manager_jupyter.services.models.rows import Reader
from tests.fixtures.hub import FakeHub
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TINY = "mlx-community/tiny-chat"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    folder = make("chat", tmp_path_factory.mktemp("models") / "tiny")
    with FakeHub(repos={TINY: folder}) as running:
        yield running


@pytest.fixture(autouse=True)
def clean(hub: FakeHub) -> Iterator[None]:
    hub.reset()
    yield
    hub.clear()


def asked(hub: FakeHub, model: str = TINY) -> int:
    return len(hub.log(f"/api/models/{model}"))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


class Asking:
    """A keeper over the Hub of the tests."""

    def __init__(self, hub: FakeHub) -> None:
        self.client = Hub(endpoint=hub.url, timeout_seconds=5)
        self.keeper = DetailsKeeper(self.client, Reader())

    async def close(self) -> None:
        await self.keeper.close()
        await self.client.close()


async def test_two_who_ask_for_the_same_wait_for_one_answer(hub: FakeHub) -> None:
    asking = Asking(hub)
    one, two = await asyncio.gather(asking.keeper.get(TINY), asking.keeper.get(TINY))
    assert one is two
    assert one.model.size_bytes
    assert await asking.keeper.get(TINY) is one
    assert asked(hub) == 1
    await asking.close()


async def test_a_question_lives_as_long_as_somebody_waits(hub: FakeHub) -> None:
    hub.fault("delay", f"/api/models/{TINY}", seconds=1.5)
    asking = Asking(hub)
    gone, stays = (asyncio.create_task(asking.keeper.get(TINY)) for _ in range(2))
    await until(lambda: bool(asking.keeper._asking))
    gone.cancel()
    assert (await stays).model.id == TINY

    again = Asking(hub)
    last = asyncio.create_task(again.keeper.get(TINY))
    await until(lambda: bool(again.keeper._asking))
    question = again.keeper._asking[TINY].answer
    last.cancel()
    await asyncio.wait([last, question])
    assert question.cancelled()  # and with it the request, whose connection is closed
    hub.clear()
    assert (await again.keeper.get(TINY)).model.id == TINY  # not the one that was given up
    await asking.close()
    await again.close()


async def test_a_search_that_nobody_waits_for_asks_no_more(hub: FakeHub) -> None:
    hub.fault("delay", "/api/models/", seconds=1.5)
    asking = Asking(hub)
    search = asyncio.create_task(asking.keeper.learn([f"owner/model-{n}" for n in range(50)]))
    await until(lambda: len(asking.keeper._asking) == module.AT_ONCE)
    search.cancel()
    await asyncio.wait([search])
    await until(lambda: not asking.keeper._asking)
    await asking.close()


async def test_what_fails_or_is_too_much_stays_unknown(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_MOST", 3)
    asking = Asking(hub)
    await asking.keeper.learn(["owner/none", TINY, "/data/a/folder", "owner/one-too-many"])
    assert asking.keeper.known(TINY)
    assert asking.keeper.known("owner/none") is None
    assert asked(hub, "owner/none") == 1
    assert asked(hub, "owner/one-too-many") == 0
    with pytest.raises(UnknownModel):
        await asking.keeper.get("owner/none")
    await asking.close()


async def test_a_slow_hub_holds_up_a_search_only_for_a_while(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    hub.fault("delay", "/api/models/", seconds=20)
    asking = Asking(hub)
    async with asyncio.timeout(3):
        await asking.keeper.learn([TINY, "owner/other"])
    assert not asking.keeper._asking
    await asking.close()
