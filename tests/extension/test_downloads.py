"""Downloads over HTTP: from the request to a model that a server can be started from."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.hub import FakeHub
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlx_manager_jupyter.extension.app import MLXManager
    from tests.extension.conftest import Door

API = "mlx-manager/api/"
TINY = "mlx-community/Tiny-Chat-4bit"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    folder = make("chat", tmp_path_factory.mktemp("models") / "tiny")
    with FakeHub(repos={TINY: folder}) as running:
        yield running


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any], hub: FakeHub, tmp_path: Path
) -> dict[str, Any]:
    own = {"hf_endpoint": hub.url, "hf_cache_path": str(tmp_path / "hub")}
    return {**jp_server_config, "MLXManager": {**jp_server_config["MLXManager"], **own}}


async def ended(door: Door, name: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            download: dict[str, Any] = await door.json(f"{API}downloads/{name}")
            if download["state"] in {"done", "failed", "cancelled"}:
                return download
            await asyncio.sleep(0.05)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_asked_for_fetched_listed_and_served(door: Door) -> None:
    body = {"model": TINY}
    response = await door.fetch(f"{API}downloads", method="POST", body=body)
    assert response.code == 202
    asked = json.loads(response.body)
    assert asked["model"] == TINY
    assert asked["state"] in {"queued", "running"}
    done = await ended(door, asked["id"])
    assert done["state"] == "done"
    assert done["bytes_done"] == done["bytes_total"] > 0
    assert (await door.json(f"{API}downloads"))[0]["id"] == asked["id"]

    (listed,) = await door.json(f"{API}models")
    assert listed["id"] == TINY
    assert listed["local"]
    assert listed["complete"]
    assert listed["size_bytes"] == done["bytes_total"]
    assert listed["fit"] == "fits"
    started = await door.json(f"{API}servers", method="POST", body={"model": "tiny chat 4bit"})
    assert started["model"] == TINY
    assert started["revision"] == listed["revision"]

    encoded = TINY.replace("/", "%2F")
    refused = await door.fetch(f"{API}models/{encoded}", method="DELETE")
    assert refused.code == 409
    assert json.loads(refused.body)["code"] == "model_in_use"
    await door.json(f"{API}servers/{started['name']}", method="DELETE")
    freed = await door.json(f"{API}models/{encoded}", method="DELETE")
    assert freed["freed_bytes"] == pytest.approx(listed["size_bytes"], rel=0.01)
    assert await door.json(f"{API}models") == []


async def test_a_second_request_joins(door: Door, hub: FakeHub) -> None:
    slow = hub.fault("slow", "model.safetensors", bytes_per_second=50_000)
    first = await door.json(f"{API}downloads", method="POST", body={"model": TINY})
    again = await door.fetch(f"{API}downloads", method="POST", body={"model": TINY})
    assert again.code == 200
    assert json.loads(again.body)["id"] == first["id"]
    paused = await door.json(f"{API}downloads/{first['id']}/pause", method="POST")
    assert paused["state"] == "paused"
    hub.clear(slow)
    resumed = await door.json(f"{API}downloads/{first['id']}/resume", method="POST")
    assert resumed["state"] in {"queued", "running"}
    assert (await ended(door, first["id"]))["state"] == "done"


async def test_a_viewer_sees_every_step(door: Door, extension: MLXManager) -> None:
    viewer = extension.managers.events.subscribe()
    asked = await door.json(f"{API}downloads", method="POST", body={"model": TINY})
    await ended(door, asked["id"])
    seen: list[Any] = []

    def complete() -> bool:
        seen.extend(viewer._pending)
        viewer._pending.clear()
        kinds = {type(event).__name__ for event in seen}
        return {"DownloadChanged", "LibraryChanged"} <= kinds and any(
            getattr(event, "library", None) and event.library.models == 1
            for event in seen
            if type(event).__name__ == "LibraryChanged"
        )

    await until(complete)
    viewer.close()
    assert seen[0].downloads == ()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "bad_request"),
        ({"model": TINY, "nonsense": 1}, 400, "bad_request"),
        ({"model": "nothing like it at all"}, 404, "unknown_model"),
        ({"model": "../../etc/passwd"}, 404, "unknown_model"),
        ({"model": "tiny/../chat"}, 404, "unknown_model"),
        ({"model": "a/.."}, 404, "unknown_model"),
    ],
)
async def test_bad_requests_say_what_is_wrong(
    door: Door, body: dict[str, Any], status: int, code: str
) -> None:
    response = await door.fetch(f"{API}downloads", method="POST", body=body)
    told = json.loads(response.body)
    assert (response.code, told["code"]) == (status, code), told


async def test_what_failed_keeps_nobody_from_deleting_the_model(door: Door) -> None:
    first = await door.json(f"{API}downloads", method="POST", body={"model": TINY})
    assert (await ended(door, first["id"]))["state"] == "done"
    other = {"model": TINY, "revision": "no-such-branch"}
    second = await door.json(f"{API}downloads", method="POST", body=other)
    assert (await ended(door, second["id"]))["state"] == "failed"
    deleted = await door.fetch(f"{API}models/{TINY}", method="DELETE")
    assert deleted.code == 200, deleted.body


async def test_what_is_on_its_way_is_not_deleted(door: Door, hub: FakeHub) -> None:
    slow = hub.fault("slow", "model.safetensors", bytes_per_second=50_000)
    asked = await door.json(f"{API}downloads", method="POST", body={"model": TINY})
    refused = await door.fetch(f"{API}models/{TINY}", method="DELETE")
    assert refused.code == 409
    assert f"downloads cancel {TINY}" in json.loads(refused.body)["hint"]
    hub.clear(slow)
    assert (await ended(door, asked["id"]))["state"] == "done"


async def test_an_unknown_download(door: Door) -> None:
    for path, method in [("", "GET"), ("", "DELETE"), ("/pause", "POST"), ("/resume", "POST")]:
        response = await door.fetch(f"{API}downloads/feedfeedfeed{path}", method=method)
        assert response.code == 404
        assert json.loads(response.body)["code"] == "unknown_download"
