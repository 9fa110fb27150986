"""The gateway at the door, through aiohttp's server: half of what tornado takes for a request.

It answers ``POST v1/<endpoint>``, the way that tokens take. A connection that begins so may go on
with something else: that is passed on to the door's other server, so that nobody has to know.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web
from yarl import URL

from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.extension.asking import (
    LARGEST_BODY,
    STREAM_HEADERS,
    asked_of,
    key_of,
    missing,
    told,
    too_large,
)
from mlx_manager_jupyter.services.gateway import ENDPOINTS

if TYPE_CHECKING:
    import asyncio
    from logging import Logger

    from mlx_manager_jupyter.extension.managers import Managers
    from mlx_manager_jupyter.services.gateway import Exchange

ROOT = "/v1/"

#: Of one connection, not of what it carries (RFC 9110, section 7.6.1).
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}
)
#: That what is under way may take to end, once it is told to.
SHUTDOWN_SECONDS = 0.5


class DoorGateway:
    """Calling it makes the protocol of one connection; `close` ends them all."""

    def __init__(self, managers: Managers, url: str, log: Logger) -> None:
        """``url`` is the door's own, where everything else is answered."""
        self._managers = managers
        self._url = url
        self._log = log
        self._session: aiohttp.ClientSession | None = None
        self._server = web.Server(self._handle, handler_cancellation=True, access_log=None)

    def __call__(self) -> asyncio.Protocol:
        """The protocol of one more connection."""
        return self._server()

    async def close(self) -> None:
        """End what is under way, and every connection."""
        await self._server.shutdown(SHUTDOWN_SECONDS)
        if self._session:
            await self._session.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if request.method != "POST" or not path.startswith(ROOT):
            return await self._passed_on(request)
        endpoint = path.removeprefix(ROOT)
        try:
            return await self._answer(request, endpoint)
        except MLXManagerError as error:
            body, headers = told(endpoint, error)
            return web.Response(body=body, status=error.status, headers=headers)
        except ConnectionError:  # the client left while it was written to
            raise
        except Exception:  # noqa: BLE001  whoever asks is told in the shape that it knows
            self._log.exception("the gateway failed at %s", endpoint)
            body, headers = told(endpoint, MLXManagerError("The gateway failed.", "See the log."))
            return web.Response(body=body, status=MLXManagerError.status, headers=headers)

    async def _answer(self, request: web.BaseRequest, endpoint: str) -> web.StreamResponse:
        key = await key_of(self._managers, request.headers)
        if endpoint not in ENDPOINTS:
            raise missing(endpoint)
        body = await _body_of(request)
        exchange = await self._managers.gateway.open(asked_of(endpoint, request.headers, body, key))
        with contextlib.closing(exchange):
            if exchange.stream:
                return await _stream(request, exchange)
            answered, kind = await exchange.answer()
            return web.Response(body=answered, headers={"Content-Type": kind, **exchange.headers})

    async def _passed_on(self, request: web.BaseRequest) -> web.StreamResponse:
        self._session = self._session or aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        )
        answer = await self._session.request(
            request.method,
            URL(self._url.rstrip("/") + request.raw_path, encoded=True),
            headers={
                name: value
                for name, value in request.headers.items()
                if name.lower() not in HOP_BY_HOP
            },
            data=request.content if request.body_exists else None,
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        with contextlib.closing(answer):
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    response.headers.add(name, value)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response


async def _body_of(request: web.BaseRequest) -> bytes:
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    came, size = [], 0
    async for chunk in request.content.iter_any():
        came.append(chunk)
        size += len(chunk)
        if size > LARGEST_BODY:
            raise too_large()
    return b"".join(came)


async def _stream(request: web.BaseRequest, exchange: Exchange) -> web.StreamResponse:
    response: web.StreamResponse | None = None
    async with contextlib.aclosing(exchange.events()) as pieces:
        async for events in pieces:
            if response is None:  # until then an error is still a status of its own
                response = web.StreamResponse(headers={**STREAM_HEADERS, **exchange.headers})
                await response.prepare(request)
            await response.write(events)  # waits while the client is slower than the engine
    if response is None:
        return web.Response(headers={**STREAM_HEADERS, **exchange.headers})
    await response.write_eof()
    return response
