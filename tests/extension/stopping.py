"""Stopping a server while somebody listens to an answer without end."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

from tests.extension.test_gateway import ASK, events
from tests.extension.test_servers import API
from tests.fixtures.jupyter import runs

if TYPE_CHECKING:
    from tests.extension.conftest import Door


async def stop_amid_a_stream(door: Door, server: dict[str, Any], key: str) -> float:
    """Stop it, see that its process and port are gone and the client was told; seconds it took."""
    heard, name = asyncio.Event(), server["name"]

    async def listen() -> dict[str, Any]:
        said: dict[str, Any] = {}
        async for event in events(door, key, {"model": name, "messages": ASK, "stream": True}):
            said = json.loads(event)
            heard.set()
            if "error" in said:
                break
        return said

    client = asyncio.ensure_future(listen())
    async with asyncio.timeout(30):
        await heard.wait()
    began = asyncio.get_running_loop().time()
    assert (await door.fetch(f"{API}/servers/{name}", method="DELETE")).code == 204
    took = asyncio.get_running_loop().time() - began
    assert not runs(server["pid"])
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", server["port"]))  # raises unless it is free
    said = await asyncio.wait_for(client, 10)
    assert "error" in said, "the client is told that the answer is not whole"
    return took
