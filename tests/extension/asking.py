"""Who asks the gateway: a client that sees what is on the wire, and a user with profiles."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

from tests.extension.test_servers import API

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tornado.httpclient import HTTPResponse

    from mlx_manager_jupyter.extension.app import MLXManager
    from mlx_manager_jupyter.schema import RequestRecord
    from tests.extension.conftest import Door

ASK = [{"role": "user", "content": "What is the capital of France?"}]


class Chat:
    """One chat over a socket of its own. Use it in an ``async with``: leaving it closes it."""

    def __init__(
        self,
        door: Door,
        key: str,
        model: str,
        *,
        stream: bool = True,
        lane: str = "",
        cut: int | None = None,
        **body: Any,
    ) -> None:
        """``cut`` ends what is sent so many bytes early."""
        self._address = door.url.removeprefix("http://").rstrip("/")
        wanted = {"model": model, "messages": ASK, "stream": stream, **body}
        payload = json.dumps(wanted).encode()
        extra = f"X-MLX-Lane: {lane}\r\n" if lane else ""
        self._request = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self._address}\r\n{extra}"
            f"Authorization: Bearer {key}\r\nContent-Length: {len(payload)}\r\n\r\n"
        ).encode() + payload[: -cut if cut else None]
        self.status = 0
        self.headers: dict[str, str] = {}
        self.lines: list[str] = []
        """That came so far, without empty ones and the lengths of chunks."""

    async def __aenter__(self) -> Self:
        host, port = self._address.split(":")
        self._reader, self._writer = await asyncio.open_connection(host, int(port))
        self._writer.write(self._request)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """As a client does that is killed."""
        self._writer.close()

    async def begin(self) -> int:
        """Wait for the status."""
        self.status = int((await self._reader.readline()).split()[1])
        while line := (await self._reader.readline()).decode().strip():
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value
        return self.status

    async def until(self, wanted: str) -> str:
        """Wait for a line with this in it."""
        async with asyncio.timeout(30):
            while True:
                line = (await self._reader.readline()).decode()
                assert line, f"the stream ended without {wanted!r}: {self.lines}"
                if len(line) > 8:
                    self.lines.append(line.strip())
                    if wanted in line:
                        return self.lines[-1]

    async def done(self) -> list[str]:
        """Wait for the end of the whole answer; its lines."""
        if not self.status:
            await self.begin()
        await self.until("[DONE]")
        return self.lines

    async def error(self) -> dict[str, Any]:
        """The body of a refusal."""
        if not self.status:
            await self.begin()
        body = await self._reader.readexactly(int(self.headers["content-length"]))
        told: dict[str, Any] = json.loads(body)["error"]
        return told


class User:
    """Saves profiles, and asks them."""

    def __init__(
        self,
        door: Door,
        extension: MLXManager,
        model: Path,
        env: Callable[..., dict[str, str]],
        journal: Path,
    ) -> None:
        self.door = door
        self.extension = extension
        self.model = model
        self.records: list[RequestRecord] = []
        self.env = env
        self._journal = journal
        finished = extension.managers.gateway._finished

        def note(record: RequestRecord) -> None:
            self.records.append(record)
            finished(record)

        extension.managers.gateway._finished = note
        self.key = ""

    async def save(self, name: str, faults: dict[str, Any] | None = None, **fields: Any) -> None:
        env = self.env(**(faults or {}))
        profile = {"name": name, "model": str(self.model), "env": env, **fields}
        await self.door.json(f"{API}/profiles", method="POST", body=profile)

    async def new_key(self, **options: Any) -> str:
        body = {"label": "test", **options}
        made = await self.door.json(f"{API}/keys", method="POST", body=body)
        secret: str = made["secret"]
        return secret

    async def chat(self, model: str, **options: Any) -> Chat:
        self.key = self.key or await self.new_key()
        return Chat(self.door, self.key, model, **options)

    async def ask(self, model: str, **body: Any) -> HTTPResponse:
        """A plain answer."""
        self.key = self.key or await self.new_key()
        body = {"model": model, "messages": ASK, **body}
        return await self.door.fetch(
            "v1/chat/completions", method="POST", token=self.key, body=body
        )

    async def servers(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in await self.door.json(f"{API}/servers")}

    def seen(self, event: str) -> list[dict[str, Any]]:
        """What engines noted."""
        if not self._journal.exists():
            return []
        lines = map(json.loads, self._journal.read_text("utf-8").splitlines())
        return [line for line in lines if line["event"] == event]

    def asked(self, text: str) -> bool:
        """Whether an engine was asked this."""
        return any(each["body"]["messages"][0]["content"] == text for each in self.seen("request"))

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait for it."""
        async with asyncio.timeout(20):
            while not happened():
                await asyncio.sleep(0.01)

    async def waits(self, number: int, name: str = "tiny") -> None:
        """Until so many wait."""
        traffic = self.extension.managers.metrics.traffic
        await self.until(lambda: traffic(name).queued == number)

    def state(self, name: str) -> str:
        """What the extension knows of it now."""
        server = self.extension.managers.servers.known(name)
        return server.record().state if server else "stopped"
