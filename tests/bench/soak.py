"""Thousands of requests, a tenth of them abandoned: what stays behind of them must be nothing.

Through the loopback door, to an engine that costs next to nothing. Of ten requests six are
streams, three are plain, and one is left: while it streams, before anything came, or while a plain
answer is on its way. Counted are the connections that the Jupyter server still holds, its memory,
and what its log of requests says of each.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import psutil

from tests.bench.figures import Figure
from tests.bench.load import Target
from tests.fixtures.jupyter import Jupyter
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS = 10_000
#: More than a segment of the log of requests: that one is packed belongs to what is warmed up.
WARM_UP = 12_000
CLIENTS = 32
CHUNKS = 5
#: Of an answer that is left: it would go on, or be waited for, for minutes.
ENDLESS, PACE = 10_000, 0.02
#: Seconds in which everything has to come to rest.
REST = 30.0
#: Seconds after which the log has been written, and packed where there is enough of it.
WRITTEN = 2.0
LEFT = ("in the stream", "before the first chunk", "plain")
#: What the log says of a request whose client left.
CLIENT_LEFT = 499


@dataclass
class Rest:
    """What is there afterwards."""

    asked: int
    left: int
    seconds: float
    connections: int
    """Of the Jupyter server, to clients and to the engine."""
    memory: int
    """Bytes of the Jupyter server, before anybody read its log."""
    records: int
    by_status: Counter[int]
    tokens: int
    """Of all answers that were read to their end, by the log."""

    @property
    def missing(self) -> int:
        """Requests that the log does not have, or has twice."""
        return abs(self.asked - self.records)

    @property
    def wrong(self) -> int:
        """Requests of which the log says something else than what became of them."""
        whole = self.asked - self.left
        return abs(self.by_status[200] - whole) + abs(self.by_status[CLIENT_LEFT] - self.left)

    @property
    def tokens_off(self) -> int:
        """Tokens that were not counted, or twice."""
        return abs(self.tokens - (self.asked - self.left) * CHUNKS)


class Came(asyncio.DatagramProtocol):
    """Hears from the engine which request has reached it."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self.port = 0

    def expect(self, number: int) -> asyncio.Future[None]:
        """Done once it has come."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        return future

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self._waiting.pop(int(data)).set_result(None)


class Soak:
    """A Jupyter server and an engine; `run` asks both a lot."""

    def __init__(self, jupyter: Jupyter) -> None:
        self._jupyter = jupyter
        self._process = psutil.Process(jupyter.process.pid)
        model = make("chat", jupyter.folder / "model")
        jupyter.api("servers", "POST", {"model": str(model), "name": "soaked"})
        self._engine_port = jupyter.until("soaked", "ready")["port"]
        key = jupyter.api("keys", "POST", {"label": "soak"})["secret"]
        door = json.loads(jupyter.connection_file.read_text("utf-8"))["url"]
        url = f"{door}v1/chat/completions"
        self._target = Target(url, "soaked", {"Authorization": f"Bearer {key}"})

    def warm_up(self, requests: int) -> int:
        """Ask and leave; bytes of the Jupyter server then. Nobody reads its log: that takes some,
        too, once."""
        asyncio.run(self._ask(requests))
        self._at_rest()
        return self._memory()

    def run(self, requests: int) -> Rest:
        """Ask, leave, and see what is there once all has come to rest."""
        since, began = datetime.now(UTC), time.monotonic()
        left = asyncio.run(self._ask(requests))
        seconds = time.monotonic() - began
        connections = self._at_rest()
        memory = self._memory()
        records = self._records(since, requests)
        return Rest(
            asked=requests,
            left=left,
            seconds=seconds,
            connections=connections,
            memory=memory,
            records=len(records),
            by_status=Counter(each["status"] for each in records),
            tokens=sum(each["completion_tokens"] for each in records if each["status"] == 200),
        )

    def _memory(self) -> int:
        time.sleep(WRITTEN)
        return int(self._process.memory_info().rss)

    async def _ask(self, requests: int) -> int:
        numbers = iter(range(requests))
        came = Came()
        loop = asyncio.get_running_loop()
        told, _ = await loop.create_datagram_endpoint(lambda: came, local_addr=("127.0.0.1", 0))

        async def work() -> int:
            left = 0
            for number in numbers:
                if number % 10 == 9:
                    await self._leave(LEFT[number // 10 % len(LEFT)], number, came)
                    left += 1
                else:
                    await self._listen(streamed=number % 10 < 6)
            return left

        try:
            return sum(await asyncio.gather(*(work() for _ in range(CLIENTS))))
        finally:
            told.close()

    async def _listen(self, *, streamed: bool) -> None:
        """Ask and read all."""
        reader, writer = await self._sent(chunks=CHUNKS, pace=0.0, streamed=streamed)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.partition(b"\r\n")[0], head
        if streamed:
            assert b"[DONE]" in await reader.readuntil(b"\r\n0\r\n\r\n")
        else:
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length))
            assert json.loads(body)["usage"]["completion_tokens"] == CHUNKS
        writer.close()
        await writer.wait_closed()

    async def _leave(self, when: str, number: int, came: Came) -> None:
        """Ask, and leave once the engine works on it."""
        arrived = came.expect(number)
        reader, writer = await self._sent(
            chunks=ENDLESS,
            pace=PACE,
            streamed=when != "plain",
            first_seconds=ENDLESS if when == "before the first chunk" else 0,
            tell=number,
            tell_port=came.port,
        )
        await arrived
        if when == "in the stream":
            await reader.readuntil(b'"content"')
        writer.close()
        await writer.wait_closed()

    async def _sent(self, **asked: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self._target.address)
        writer.write(self._target.request(**asked))
        await writer.drain()
        return reader, writer

    def _at_rest(self) -> int:
        """How many connections are left; a probe of the engine's health may be among them."""
        deadline = time.monotonic() + REST
        door = self._target.address[1]
        while True:
            held = [
                each
                for each in self._process.net_connections()
                if each.status != psutil.CONN_LISTEN
                and (each.laddr[1] == door or each.raddr[1:] == (self._engine_port,))
            ]
            if not held or time.monotonic() > deadline:
                return len(held)
            time.sleep(0.1)

    def _records(self, since: datetime, requests: int) -> list[dict[str, Any]]:
        """What the log has of this run, and no less if it may still come."""
        query = urlencode({"since": since.isoformat(), "limit": 2 * requests})
        deadline = time.monotonic() + REST
        while True:
            found: list[dict[str, Any]] = self._jupyter.api(f"requests?{query}")
            if len(found) >= requests or time.monotonic() > deadline:
                return found
            time.sleep(0.5)


def jupyter_for(folder: Path) -> Jupyter:
    """A Jupyter server in front of the engine that costs nothing."""
    return Jupyter(folder, engine=Path(__file__).with_name("upstream.py"))


def measure(folder: Path) -> Iterator[Figure]:
    """What is left of them all."""
    with jupyter_for(folder) as jupyter:
        soak = Soak(jupyter)
        before = soak.warm_up(WARM_UP)
        rest = soak.run(REQUESTS)
        growth = 100 * (rest.memory - before) / before
    said = f"soak: {rest.asked} requests, {rest.left} of them left"
    yield Figure(name=f"{said}: connections open", ours=rest.connections, unit="", budget=0)
    yield Figure(name=f"{said}: growth of {before / 1e6:.0f} MB", ours=growth, unit="%", budget=5)
    yield Figure(name=f"{said}: records missing", ours=rest.missing, unit="", budget=0)
    yield Figure(name=f"{said}: records wrong", ours=rest.wrong, unit="", budget=0)
    yield Figure(name=f"{said}: tokens off", ours=rest.tokens_off, unit="", budget=0)
    yield Figure(name=f"{said}: rate", ours=rest.asked / rest.seconds, unit="1/s")
