"""A wait for the catalogue is explained; a quick answer, and any other wait, is not."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.client import patience
from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.client.feed import Feed
from mlx_manager_jupyter.client.patience import while_syncing
from tests.client.live import until
from tests.client.stand_in import HARDWARE, listening, sse, write_connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlx_manager_jupyter.schema import Catalogue
    from tests.client.stand_in import Asked

SNAPSHOT = {
    "type": "snapshot", "id": "e-1", "hardware": HARDWARE, "gateway_url": "", "servers": [],
    "profiles": [], "catalogue": {"state": "ready", "models": 10},
}  # fmt: skip


def changed(state: str, models: int) -> dict[str, object]:
    catalogue = {"state": state, "models": models}
    return {"type": "catalogue.changed", "id": "e-2", "catalogue": catalogue}


class Extension:
    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.gone = threading.Event()

    def answer(self, asked: Asked) -> None:
        asked.stream(sse(SNAPSHOT, changed("syncing", 1000)))
        self.go_on.wait(10)
        asked.wfile.write(sse(changed("syncing", 2000)))
        asked.until_gone()
        self.gone.set()


@pytest.fixture
def extension() -> Extension:
    return Extension()


@pytest.fixture
def feed(extension: Extension, tmp_path: Path) -> Iterator[Feed]:
    with listening(extension.answer) as door:
        file = write_connection(tmp_path / "connection.json", door.url)
        client = Client(lambda: read(file))
        yield Feed(client)
        extension.go_on.set()
        client.close()


def test_a_long_wait_is_explained_while_the_hub_is_asked(
    feed: Feed, extension: Extension, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "QUIET_SECONDS", 0.05)
    said: list[Catalogue] = []
    with while_syncing(feed, said.append):
        until(lambda: said)
    assert [each.models for each in said] == [1000]  # nothing of the one that was ready
    extension.go_on.set()
    assert extension.gone.wait(10)
    assert len(said) == 1


def test_a_quick_answer_needs_no_connection(feed: Feed) -> None:
    said: list[Catalogue] = []
    with while_syncing(feed, said.append):
        pass
    assert said == []
    assert not feed.is_running
