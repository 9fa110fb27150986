"""The door's two servers behave as one, whatever a connection begins with and goes on with."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.extension.test_gateway import ASK, SENTENCE, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlx_manager_jupyter.extension.app import MLXManager
    from tests.extension.conftest import Door

API = "mlx-manager/api"


class Connection:
    """One that is kept, over which one thing after the other is asked."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def __aenter__(self) -> Self:
        host, port = self._door.url.removeprefix("http://").rstrip("/").split(":")
        self.reader, self.writer = await asyncio.open_connection(host, int(port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def head(self, method: str, path: str, bearer: str, *more: str) -> bytes:
        lines = (f"{method} /{path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {bearer}")
        return "\r\n".join((*lines, *more, "", "")).encode()

    async def ask(
        self, method: str, path: str, bearer: str, body: object = None, *more: str
    ) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        sent = b"" if body is None else json.dumps(body).encode()
        length = f"Content-Length: {len(sent)}"
        self.writer.write(self.head(method, path, bearer, length, *more) + sent)
        return await self.answer()

    async def answer(self) -> tuple[int, Any]:
        """Read one."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status, headers = int(head.split()[1]), head.lower()
        if "transfer-encoding: chunked" in headers:
            text = b""
            while size := int(await self.reader.readline(), 16):
                text += await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
        else:
            length = int(headers.partition("content-length: ")[2].partition("\r\n")[0] or 0)
            text = await self.reader.readexactly(length)
        return status, json.loads(text) if text.startswith((b"{", b"[")) else text


@pytest.fixture
def key(
    door: Door,
    model: Path,
    fake_env: Callable[..., dict[str, str]],
    jp_asyncio_loop: asyncio.AbstractEventLoop,
) -> str:
    """For a server that is ready."""
    return jp_asyncio_loop.run_until_complete(serve(door, model, fake_env()))


async def test_a_connection_may_go_on_with_anything(door: Door, key: str) -> None:
    body = {"model": "tiny", "messages": ASK}
    async with Connection(door) as kept:
        for _ in range(2):
            status, answer = await kept.ask("POST", "v1/chat/completions", key, body)
            assert (status, answer["choices"][0]["message"]["content"]) == (200, SENTENCE)
            status, models = await kept.ask("GET", "v1/models", key)
            assert (status, models["data"][0]["id"]) == (200, "tiny")
            status, servers = await kept.ask("GET", f"{API}/servers", door.token)
            assert (status, servers[0]["name"]) == (200, "tiny")
            made = await kept.ask("POST", f"{API}/keys", door.token, {"label": "another"})
            assert made[0] == 201
            gone = await kept.ask("DELETE", f"{API}/keys/{made[1]['key']['id']}", door.token)
            assert gone[0] == 204
            assert (await kept.ask("GET", f"{API}/servers", key))[0] == 403
            assert (await kept.ask("POST", "v1/nonsense", key, body))[0] == 404
            assert (await kept.ask("POST", "v1/chat/completions", door.token, body))[0] == 401


async def test_a_connection_that_begins_with_the_rest_may_go_on_with_the_gateway(
    door: Door, key: str
) -> None:
    async with Connection(door) as kept:
        assert (await kept.ask("GET", f"{API}/servers", door.token))[0] == 200
        body = {"model": "tiny", "messages": ASK, "stream": True}
        status, text = await kept.ask("POST", "v1/chat/completions", key, body)
        assert status == 200
        assert text.endswith(b"data: [DONE]\n\n")


async def test_events_may_follow_on_the_same_connection(door: Door, key: str) -> None:
    async with Connection(door) as kept:
        body = {"model": "tiny", "messages": ASK}
        assert (await kept.ask("POST", "v1/chat/completions", key, body))[0] == 200
        wanted = kept.head("GET", f"{API}/events", door.token, "Accept: text/event-stream")
        kept.writer.write(wanted)
        assert b'"type":"snapshot"' in await kept.reader.readuntil(b'"servers"')


async def test_words_may_come_one_by_one(door: Door, key: str) -> None:
    body = json.dumps({"model": "tiny", "messages": ASK}).encode()
    async with Connection(door) as slow:
        length = f"Content-Length: {len(body)}"
        for piece in (slow.head("POST", "v1/chat/completions", key, length) + body).splitlines(
            keepends=True
        ):
            for part in (piece[:3], piece[3:]):
                slow.writer.write(part)
                await slow.writer.drain()
                await asyncio.sleep(0.01)
        status, answer = await slow.answer()
        assert (status, answer["choices"][0]["message"]["content"]) == (200, SENTENCE)


async def test_a_client_that_waits_to_be_told_to_go_on_is_told(door: Door, key: str) -> None:
    body = json.dumps({"model": "tiny", "messages": ASK}).encode()
    length = f"Content-Length: {len(body)}"
    async with Connection(door) as careful:
        head = careful.head("POST", "v1/chat/completions", key, length, "Expect: 100-continue")
        careful.writer.write(head)
        assert (await careful.answer())[0] == 100
        careful.writer.write(body)
        assert (await careful.answer())[0] == 200


async def test_one_that_says_nothing_is_let_go_with_the_door(
    extension: MLXManager, door: Door
) -> None:
    async with Connection(door) as silent, Connection(door) as kept:
        assert (await kept.ask("POST", "v1/chat/completions", "wrong", {}))[0] == 401
        await extension.door.close()
        assert await silent.reader.read() == b""
        assert await kept.reader.read() == b""
