"""The catalogue: fetched on use, at most once a day, kept on disk, and never lost to a failure."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mlx_manager_jupyter.adapters.hub import Hub
from mlx_manager_jupyter.errors import HubUnreachable, Offline
from mlx_manager_jupyter.services.models import catalogue
from mlx_manager_jupyter.services.models.catalogue import CatalogueKeeper
from mlx_manager_jupyter.services.models.rows import Reader
from tests.fixtures.hub import FakeHub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlx_manager_jupyter.schema import Event

ROWS = [f"mlx-community/Model-{number}B-4bit" for number in range(2500)]


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with FakeHub() as running:
        running.list_only([{"id": name, "tags": ["mlx"], "downloads": 5} for name in ROWS])
        yield running


@pytest.fixture(autouse=True)
def clean(hub: FakeHub) -> Iterator[None]:
    hub.reset()
    yield
    hub.clear()


class Kept:
    """A keeper and what viewers were told of it."""

    def __init__(self, hub: FakeHub, file: Path, **options: Any) -> None:
        self.told: list[Event] = []
        settings: dict[str, Any] = {"author": None, "offline": False, **options}
        client = Hub(endpoint=hub.url, offline=settings["offline"], timeout_seconds=5)
        log = logging.getLogger("catalogue")
        self.keeper = CatalogueKeeper(
            client, file, Reader(), publish=self.told.append, log=log, **settings
        )
        self.client = client

    def is_syncing(self) -> bool:
        return self.keeper.record.state == "syncing"

    async def synced(self) -> None:
        async with asyncio.timeout(20):
            while self.is_syncing():
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        await self.keeper.close()
        await self.client.close()


def asked(hub: FakeHub) -> int:
    return len(hub.log("/api/models"))


def age(file: Path, by: timedelta) -> None:
    """Make the kept catalogue look older."""
    head, rest = file.read_bytes().split(b"\n", 1)
    told = msgspec.json.decode(head)
    told["synced_at"] = (datetime.now(UTC) - by).isoformat()
    file.write_bytes(msgspec.json.encode(told) + b"\n" + rest)


async def test_it_comes_by_pages_with_progress_and_is_kept(hub: FakeHub, tmp_path: Path) -> None:
    file = tmp_path / "home" / "catalogue.json"
    first = Kept(hub, file)
    listing = await first.keeper.listing()
    assert len(listing.rows) == len(ROWS)
    assert first.keeper.record.state == "ready"
    counts = [getattr(event, "catalogue").models for event in first.told]  # noqa: B009  any event
    assert counts == sorted(counts)
    assert {0, 1000, 2000, 2500} <= set(counts)
    assert asked(hub) == 3
    await first.close()

    second = Kept(hub, file)
    assert len((await second.keeper.listing()).rows) == len(ROWS)
    assert asked(hub) == 3
    await second.close()


async def test_an_old_one_is_searched_while_a_new_one_comes(hub: FakeHub, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    first = Kept(hub, file)
    await first.keeper.listing()
    await first.close()
    age(file, timedelta(hours=25))
    hub.reset()
    hub.fault("delay", "/api/models", seconds=0.5)
    second = Kept(hub, file)
    assert len((await second.keeper.listing()).rows) == len(ROWS)
    assert second.is_syncing()
    await second.synced()
    assert second.keeper.record.synced_at
    assert datetime.now(UTC) - second.keeper.record.synced_at < timedelta(minutes=1)
    await second.close()


async def test_a_failed_sync_keeps_what_there_was_and_says_so(hub: FakeHub, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    first = Kept(hub, file)
    await first.keeper.listing()
    await first.close()
    age(file, timedelta(days=3))
    hub.fault("status", "/api/models", status=503)
    second = Kept(hub, file)
    for _ in range(3):
        assert len((await second.keeper.listing()).rows) == len(ROWS)
    await second.synced()
    assert second.keeper.record.error
    assert second.keeper.record.error.code == "hub_unreachable"
    tried = asked(hub)
    await second.keeper.listing()  # whoever types on does not ask again at once
    assert asked(hub) == tried
    await second.close()


async def test_without_any_the_failure_is_the_answer(hub: FakeHub, tmp_path: Path) -> None:
    hub.fault("reset", "/api/models")
    kept = Kept(hub, tmp_path / "catalogue.json")
    with pytest.raises(HubUnreachable):
        await kept.keeper.listing()
    assert kept.keeper.record.state == "absent"
    await kept.close()


HEAD = b'{"synced_at":"2026-01-01T00:00:00Z","author":null,"models":2}'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"synced_at": "2026',
        b'{"synced_at":"2026-01-01T00:00:00","author":null,"models":0}',  # of no time zone
        b'{"synced_at":"2026-01-01T00:00:00Z","author":null,"entries":[]}',  # of another version
        HEAD + b'\n{"id":"owner/one"}',  # cut short
        HEAD + b'\n{"id":"owner/one"}\n{"id":7}',
        HEAD + b'\n{"id":"owner/one"}\n\xff',
    ],
)
async def test_a_damaged_file_is_only_a_copy(hub: FakeHub, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "catalogue.json"
    file.write_bytes(content)
    kept = Kept(hub, file)
    assert len((await kept.keeper.listing()).rows) == len(ROWS)
    await kept.close()


async def test_one_of_tomorrow_is_old_too(hub: FakeHub, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    first = Kept(hub, file)
    await first.keeper.listing()
    await first.close()
    age(file, timedelta(days=-30))  # the clock was wrong
    hub.reset()
    second = Kept(hub, file)
    await second.keeper.listing()
    assert second.keeper.record.state == "syncing"
    await second.close()


async def test_whoever_types_on_does_not_read_it_anew(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "catalogue.json"
    first = Kept(hub, file)
    await first.keeper.listing()
    await first.close()
    reading, go_on = threading.Event(), threading.Event()
    reads, read = [], catalogue._read

    def slow_read(file: Path) -> object:
        reads.append(file)
        reading.set()
        assert go_on.wait(20)
        return read(file)

    monkeypatch.setattr(catalogue, "_read", slow_read)
    second = Kept(hub, file)
    for _ in range(3):
        keystroke = asyncio.create_task(second.keeper.listing())
        await asyncio.to_thread(reading.wait, 20)
        keystroke.cancel()
        with suppress(asyncio.CancelledError):
            await keystroke
    go_on.set()
    assert len((await second.keeper.listing()).rows) == len(ROWS)
    assert reads == [file]
    await second.close()


async def test_whoever_stops_waiting_does_not_stop_it_for_others(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.fault("delay", "/api/models", seconds=0.3)
    kept = Kept(hub, tmp_path / "catalogue.json")
    impatient = asyncio.create_task(kept.keeper.listing())
    patient = asyncio.create_task(kept.keeper.listing())
    await asyncio.sleep(0.1)
    impatient.cancel()
    assert len((await patient).rows) == len(ROWS)
    assert asked(hub) == 3
    await kept.close()


async def test_offline_it_is_read_but_never_fetched(hub: FakeHub, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    nothing = Kept(hub, file, offline=True)
    with pytest.raises(Offline):
        await nothing.keeper.listing()
    online = Kept(hub, file)
    await online.keeper.listing()
    await online.close()
    age(file, timedelta(days=30))
    hub.reset()
    kept = Kept(hub, file, offline=True)
    assert len((await kept.keeper.listing()).rows) == len(ROWS)
    with pytest.raises(Offline):
        await kept.keeper.sync()
    assert asked(hub) == 0
    await kept.close()


async def test_another_author_is_another_catalogue(hub: FakeHub, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    everybody = Kept(hub, file)
    await everybody.keeper.listing()
    await everybody.close()
    nobody = Kept(hub, file, author="nobody-at-all")
    assert list((await nobody.keeper.listing()).rows) == []
    await nobody.close()


async def test_the_garbage_collector_has_next_to_nothing_to_look_at(
    hub: FakeHub, tmp_path: Path
) -> None:
    kept = Kept(hub, tmp_path / "catalogue.json")
    listing = await kept.keeper.listing()
    # A full collection stops everybody: 70 ms for 10,000 models, were each of them looked at.
    assert not any(gc.is_tracked(row.model) for row in listing.rows)
    await kept.close()
