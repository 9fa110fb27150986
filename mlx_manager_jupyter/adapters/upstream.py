"""HTTP to engines, through aiohttp's client: it closes upstream 1 to 3 ms after a client leaves.

tornado's own client was measured at 91 ms to 1.4 s for the same, and never for plain answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import io
from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import UpstreamFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    import aiohttp

#: From this many bytes on aiohttp sends a body in pieces, if it is a file.
LARGE_BODY = 2**20

#: Seconds to reach an engine on this machine; answers themselves may take as long as they like.
CONNECT_TIMEOUT = 5.0

OK = 200


class Answer:
    """An engine's answer whose body is still coming. Close it, however it ended."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.content_type = response.headers.get("Content-Type", "application/octet-stream")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives.

        Raises:
            UpstreamFailed: when the engine breaks off.
        """
        with _told_apart():
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            UpstreamFailed: when the engine breaks off.
        """
        with _told_apart():
            return await self._response.read()

    def close(self) -> None:
        """Close the connection, which ends generation if it still runs."""
        self._response.close()


class Upstream:
    """One client for all engines, made on first use since aiohttp takes 0.27 s to import."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._lock = asyncio.Lock()

    async def send(
        self, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Post ``body``, or get the URL without one, and return once the status line is here.

        Cancelling closes the connection.

        Raises:
            UpstreamFailed: when it can't be reached or breaks off.
        """
        session = await self._ready()
        method = "GET" if body is None else "POST"
        data = io.BytesIO(body) if body and len(body) >= LARGE_BODY else body
        with _told_apart():
            return Answer(
                await session.request(
                    method, url, data=data, headers=headers, allow_redirects=False
                )
            )

    async def answers(
        self,
        url: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        accepts: Callable[[bytes], bool] | None = None,
    ) -> bool:
        """Whether it answers with 200, and with a body that is accepted. Takes as long as it does.

        Args:
            url: what is asked.
            body: is posted; without one the URL is got.
            headers: of the request.
            accepts: judges the body of the answer; any will do without it.
        """
        try:
            sent = None if body is None else msgspec.json.encode(body)
            answer = await self.send(url, sent, headers)
            with contextlib.closing(answer):
                if answer.status != OK or accepts is None:
                    return answer.status == OK
                return accepts(await answer.read())
        except UpstreamFailed:
            return False

    async def warm(self) -> None:
        """Make the client now, so that no request waits for the import."""
        await self._ready()

    async def close(self) -> None:
        """Close every connection."""
        if self._session:
            await self._session.close()
            self._session = None

    async def _ready(self) -> aiohttp.ClientSession:
        async with self._lock:
            if self._session is None:
                aiohttp = await asyncio.to_thread(importlib.import_module, "aiohttp")
                self._session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=0, force_close=True),
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
                    headers={"Content-Type": "application/json"},
                    auto_decompress=False,
                    trust_env=False,
                )
            return self._session


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    import aiohttp  # noqa: PLC0415  loaded by then

    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        message = f"The engine broke off: {str(error) or type(error).__name__}."
        raise UpstreamFailed(message, "See the server's log.") from error
