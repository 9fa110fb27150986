"""Lists and searches, and what holds for every question to the Hub: its end, its number."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.hub import Hub
from mlx_manager_jupyter.adapters.hub.connection import _AT_ONCE
from mlx_manager_jupyter.adapters.hub.listing import PAGE_BYTES, entries
from mlx_manager_jupyter.errors import (
    BadToken,
    HubFailed,
    HubUnreachable,
    RateLimited,
    UnknownModel,
)
from tests.fixtures.hub import MEMBER, NOBODY, ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.adapters.conftest import Asking
    from tests.fixtures.hub import FakeHub

LIST = "/api/models"
OTHER = {"id": "paged/Model-in-another-format", "tags": ["gguf"], "library_name": "gguf"}


def rows(author: str, count: int) -> list[dict[str, object]]:
    return [
        {
            "id": f"{author}/Model-{number}-4bit",
            "tags": ["mlx", "4-bit", "license:mit"],
            "downloads": number,
            "likes": 3,
            "lastModified": "2026-03-04T05:06:07.000Z",
            "safetensors": {"parameters": {"U32": 1_000, "BF16": 10}, "total": 1_010},
        }
        for number in range(count)
    ]


@asynccontextmanager
async def answering(head: bytes, body: bytes) -> AsyncIterator[Hub]:
    """A Hub that says the same to everything."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        length = b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        writer.write(b"HTTP/1.1 " + head + length + body)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    hub = Hub(endpoint=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield hub
    finally:
        await hub.close()
        server.close()


async def test_catalogue_follows_all_pages(asking: Asking, fake_hub: FakeHub) -> None:
    fake_hub.list_only([*rows("paged", 5_003), OTHER])
    pages: list[int] = []
    async with asking() as hub:
        found = await hub.catalogue(author="paged", on_page=pages.append)
    assert pages == [1000, 2000, 3000, 4000, 5000, 5003]
    assert {entry.id for entry in found} == {row["id"] for row in rows("paged", 5_003)}
    one = next(entry for entry in found if entry.id == "paged/Model-7-4bit")
    assert (one.downloads, one.likes, one.library, one.gated) == (7, 3, "mlx", False)
    assert one.updated_at is not None
    assert one.updated_at.isoformat() == "2026-03-04T05:06:07+00:00"
    assert "license:mit" in one.tags
    assert one.parameters == {"U32": 1_000, "BF16": 10}
    asked = fake_hub.log(LIST)
    assert len(asked) == 6
    assert asked[0]["query"]["limit"] == ["1000"]
    assert asked[0]["agent"].startswith("mlx-manager-jupyter/")


async def test_search_gives_the_most_downloaded_first(asking: Asking, fake_hub: FakeHub) -> None:
    fake_hub.list_only([*rows("searched", 200), *rows("elsewhere", 200)])
    async with asking() as hub:
        found = await hub.search("model-19", author="searched", limit=4)
        none = await hub.search("no such words")
    assert [entry.id for entry in found] == [
        f"searched/Model-{number}-4bit" for number in (199, 198, 197, 196)
    ]
    assert none == []


def test_a_row_that_cannot_be_read_does_not_lose_the_page() -> None:
    page = b"""[
        {"id": "a/good", "downloads": 5, "gated": "manual", "lastModified": "2026-01-01T00:00:00Z"},
        {"id": 7}, {}, null, "row", ["id"],
        {"id": "a/odd", "downloads": "many", "likes": null, "tags": {"mlx": 1}, "gated": {"a": 1},
         "lastModified": "yesterday", "safetensors": [], "pipeline_tag": 3},
        {"id": "a/mixed", "tags": ["mlx", 4], "safetensors": {"parameters": {"U32": 9, "X": "?"}}}
    ]"""
    good, odd, mixed = entries(page)
    assert (good.id, good.downloads, good.gated) == ("a/good", 5, True)
    assert (odd.id, odd.downloads, odd.likes, odd.tags, odd.parameters) == ("a/odd", 0, 0, (), {})
    assert (odd.updated_at, odd.pipeline_tag) == (None, None)
    assert (mixed.tags, mixed.parameters) == (("mlx",), {"U32": 9})


@pytest.mark.parametrize("page", [b"<html>", b"", b'{"error": "no"}', b'[{"id": "a/b"'])
def test_what_is_no_list_is_said(page: bytes) -> None:
    with pytest.raises(HubFailed, match="list of models"):
        entries(page)


async def test_list_that_goes_on_elsewhere_is_refused(asking: Asking, fake_hub: FakeHub) -> None:
    elsewhere = f'<{fake_hub.cdn}/api/models?cursor=2>; rel="next"'
    fake_hub.fault("status", LIST, status=200, headers={"Link": elsewhere})
    async with asking() as hub:
        with pytest.raises(HubFailed, match="another place"):
            await hub.catalogue()
    assert fake_hub.log(origin="cdn") == []


@pytest.mark.usefixtures("fake_hub")
async def test_list_without_end_is_refused() -> None:
    async with answering(b'200 OK\r\nLink: </api/models?page=2>; rel="next"', b"[]") as hub:
        with pytest.raises(HubFailed, match="no end"):
            await hub.catalogue()


@pytest.mark.parametrize("body", [b"[]", b'"no"', b"<html>\xff\xfe", b""])
@pytest.mark.usefixtures("fake_hub")
async def test_refusal_that_is_not_in_the_hubs_words(body: bytes) -> None:
    async with answering(b"418 Teapot", body) as hub:
        with pytest.raises(HubFailed, match="HTTP 418"):
            await hub.catalogue()


@pytest.mark.usefixtures("fake_hub")
async def test_answer_that_is_too_large_is_left_alone() -> None:
    async with answering(b"200 OK", b" " * (PAGE_BYTES + 1)) as hub:
        with pytest.raises(HubFailed, match="more than 32 MB"):
            await hub.catalogue()


@pytest.mark.parametrize("kind", ["cut", "reset"])
async def test_broken_connection_is_tried_once_more(
    asking: Asking, fake_hub: FakeHub, kind: str
) -> None:
    fake_hub.list_only(rows("broken", 50))
    fake_hub.fault(kind, LIST, at=500, times=1)
    async with asking() as hub:
        assert len(await hub.catalogue(author="broken")) == 50
    assert len(fake_hub.log(LIST)) == 2


async def test_fault_of_the_hub_is_tried_once_more_and_no_oftener(
    asking: Asking, fake_hub: FakeHub
) -> None:
    fake_hub.list_only(rows("faulty", 5))
    once = fake_hub.fault("status", LIST, status=500, times=1)
    async with asking() as hub:
        assert len(await hub.catalogue(author="faulty")) == 5
        fake_hub.clear(once)
        fake_hub.reset()
        fake_hub.fault("status", LIST, status=502)
        with pytest.raises(HubUnreachable, match="HTTP 502"):
            await hub.catalogue(author="faulty")
    assert len(fake_hub.log(LIST)) == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_hub_that_asks_to_wait_is_not_asked_again(
    asking: Asking, fake_hub: FakeHub, status: int
) -> None:
    fake_hub.fault("status", LIST, status=status, headers={"Retry-After": "7"})
    async with asking() as hub:
        with pytest.raises(RateLimited if status == 429 else HubUnreachable) as caught:
            await hub.search("qwen")
    assert caught.value.retry_after_seconds == 7
    assert len(fake_hub.log(LIST)) == 1


@pytest.mark.parametrize("kind", ["hang", "slow", "stall"])
async def test_silence_ends_with_the_time_out(asking: Asking, fake_hub: FakeHub, kind: str) -> None:
    fake_hub.list_only(rows("silent", 50))
    fake_hub.fault(kind, LIST, at=500, bytes_per_second=400)
    async with asking(timeout_seconds=0.2) as hub:
        began = time.monotonic()
        with pytest.raises(HubUnreachable, match="in time"):
            await hub.catalogue(author="silent")
        assert 0.5 < time.monotonic() - began < 2
    fake_hub.until(lambda hub: all(entry["done"] for entry in hub.log(LIST)))


async def test_cancel_ends_at_once_and_closes_the_connection(
    asking: Asking, fake_hub: FakeHub
) -> None:
    fake_hub.fault("hang", LIST)
    async with asking(timeout_seconds=60) as hub:
        question = asyncio.create_task(hub.catalogue())
        while not await asyncio.to_thread(fake_hub.log, LIST):
            await asyncio.sleep(0.01)
        began = time.monotonic()
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question
        assert time.monotonic() - began < 0.5
        # The Hub's end sees that the client has gone while ours is still open for more.
        fake_hub.until(lambda hub: all(entry["done"] for entry in hub.log(LIST)), seconds=5)
        fake_hub.clear()
        assert await hub.search("no such words") == []


async def test_no_more_questions_at_once_than_the_hub_should_see(
    asking: Asking, fake_hub: FakeHub
) -> None:
    fake_hub.fault("delay", LIST, seconds=0.05)
    async with asking() as hub:
        await asyncio.gather(*(hub.search(f"word {number}") for number in range(30)))
    assert len(fake_hub.log(LIST)) == 30
    assert fake_hub.connections()["hub"] <= _AT_ONCE


async def test_hub_that_is_away_and_comes_back(asking: Asking, fake_hub: FakeHub) -> None:
    fake_hub.list_only(rows("back", 2))
    async with asking() as hub:
        assert len(await hub.catalogue(author="back")) == 2
        with fake_hub.offline(), pytest.raises(HubUnreachable, match="can't be reached"):
            await hub.catalogue(author="back")
        assert len(await hub.catalogue(author="back")) == 2


async def test_closed_hub_opens_again(asking: Asking) -> None:
    async with asking() as hub:
        assert await hub.search("no such words") == []
        await hub.close()
        assert await hub.search("no such words") == []


#: Asks once and prints how late the loop was at worst, in seconds.
LAG = """
import asyncio, sys, time
from mlx_manager_jupyter.adapters.hub import Hub

assert "huggingface_hub" not in sys.modules
late = []

async def heart():
    while True:
        began = time.monotonic()
        await asyncio.sleep(0.005)
        late.append(time.monotonic() - began)

async def main():
    beating = asyncio.create_task(heart())
    hub = Hub()
    await hub.search("words")
    await hub.close()
    beating.cancel()

asyncio.run(main())
assert "huggingface_hub" in sys.modules
print(max(late))
"""


def test_first_question_does_not_hold_up_the_loop(fake_hub: FakeHub, tmp_path: Path) -> None:
    argv = [sys.executable, "-c", LAG]
    environment = fake_hub.environment(tmp_path)
    lag = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, check=True)
    # The import alone, on the loop, would be 0.3.
    assert float(lag.stdout) < 0.15


async def test_token_is_sent_and_read_anew(
    asking: Asking, fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asking() as hub:
        await hub.search("no such words")
        monkeypatch.setenv("HF_TOKEN", MEMBER)  # logged in while the extension runs
        await hub.search("no such words")
        monkeypatch.setenv("HF_TOKEN", NOBODY)
        with pytest.raises(BadToken, match="even public models"):
            await hub.search("no such words")
    assert [entry["authorized"] for entry in fake_hub.log(LIST)] == [False, True, True]


async def test_token_with_odd_letters_is_a_bad_token(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_schlüssel")
    async with asking() as hub:
        with pytest.raises(BadToken) as caught:
            await hub.search("words")
    assert "hf_schl" not in str(caught.value)


@pytest.mark.usefixtures("fake_hub")
async def test_address_that_is_none() -> None:
    hub = Hub(endpoint="huggingface.example")
    with pytest.raises(HubFailed, match="address") as caught:
        await hub.search("words")
    assert "HF_ENDPOINT" in str(caught.value)
    await hub.close()


@pytest.mark.parametrize("model", ["../x", "a/b/c", "a b", "", "a/..", "https://x/y", "a--b/c"])
async def test_what_is_no_id_is_not_asked_for(
    asking: Asking, fake_hub: FakeHub, model: str
) -> None:
    async with asking() as hub:
        with pytest.raises(UnknownModel, match="can't be the id"):
            await hub.details(model)
    assert fake_hub.log() == []
