"""The event stream in both forms: as a WebSocket and as server-sent events."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.extension.test_servers import API, start, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.extension.conftest import Door


async def sse(door: Door, last_id: str = "") -> AsyncIterator[dict[str, Any]]:
    """Events as a script reads them."""
    host, port = door.url.removeprefix("http://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"GET /{API}/events HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {door.token}\r\nLast-Event-ID: {last_id}\r\n\r\n".encode()
    )
    try:
        async for line in reader:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))
    finally:
        writer.close()


async def websocket(door: Door, **headers: str) -> WebSocketClientConnection:
    url = door.url.replace("http:", "ws:") + f"{API}/events"
    authorization = {"Authorization": f"Bearer {door.token}"}
    return await websocket_connect(HTTPRequest(url, headers={**authorization, **headers}))


async def test_sse_tells_the_whole_story_of_a_server(door: Door, model: Path) -> None:
    states: list[str] = []
    deleting: asyncio.Future[HTTPResponse] | None = None
    async with asyncio.timeout(20):
        async for event in sse(door):
            if event["type"] == "snapshot":
                assert event["servers"] == []
                assert event["gateway_url"] == f"{door.url}v1"
                await start(door, model=str(model), name="tiny")
            elif event["type"] == "servers.changed":
                state = event["server"]["state"]
                states += [state] if [state] != states[-1:] else []
                if state == "ready":
                    deleting = asyncio.ensure_future(
                        door.fetch(f"{API}/servers/tiny", method="DELETE")
                    )
            elif event["type"] == "servers.removed":
                assert event["name"] == "tiny"
                break
    assert deleting is not None
    assert (await deleting).code == 204
    assert states[:3] == ["starting", "loading", "ready"]
    assert "failed" not in states


async def test_a_websocket_gets_batches_of_the_same_events(door: Door, model: Path) -> None:
    socket = await websocket(door)
    (snapshot,) = json.loads(str(await socket.read_message()))
    assert snapshot["type"] == "snapshot"
    await start(door, model=str(model), name="tiny")
    await until(door, "tiny", "ready")
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not any(e.get("server", {}).get("state") == "ready" for e in seen):
            seen += json.loads(str(await socket.read_message()))
    counted = [event for event in seen if event["type"] != "metrics.sampled"]
    numbers = [int(event["id"].rpartition("-")[2]) for event in [snapshot, *counted]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    socket.close()


async def test_metrics_come_while_somebody_looks(door: Door, model: Path) -> None:
    await start(door, model=str(model), name="tiny")
    await until(door, "tiny", "ready")
    async with asyncio.timeout(10):
        async for event in sse(door):
            if event["type"] == "metrics.sampled":
                load = event["metrics"]["servers"]["tiny"]
                assert load["memory_bytes"] > 1_000_000
                assert event["metrics"]["memory"]["total_bytes"] > load["memory_bytes"]
                break


async def test_a_reader_resumes_after_its_last_id(door: Door, model: Path) -> None:
    keep_ring = await websocket(door)  # what nobody hears of is not kept
    await keep_ring.read_message()
    last = ""
    async for event in sse(door):
        last = event["id"]
        break
    await start(door, model=str(model), name="tiny")
    async for event in sse(door, last):
        assert event["type"] in {"servers.changed", "models.changed"}, "no second snapshot"
        break
    keep_ring.close()


async def test_another_origin_is_refused(door: Door) -> None:
    socket = await websocket(door, Origin=door.url.rstrip("/"))
    socket.close()
    with pytest.raises(HTTPClientError, match="403"):
        await websocket_connect(
            HTTPRequest(
                door.url.replace("http:", "ws:") + f"{API}/events",
                headers={"Origin": "http://evil.example"},
            )
        )
