"""``v1``: the OpenAI-compatible gateway, open to our keys alone, never to a browser's cookie."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any, cast

import msgspec
from tornado import web
from tornado.iostream import StreamClosedError

from mlx_manager_jupyter.errors import BadRequest, MLXManagerError
from mlx_manager_jupyter.extension.asking import (
    LARGEST_BODY,
    STREAM_HEADERS,
    asked_of,
    key_of,
    missing,
    told,
    too_large,
)
from mlx_manager_jupyter.extension.base import OwnErrors
from mlx_manager_jupyter.extension.managers import SETTING, Managers
from mlx_manager_jupyter.services.gateway import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tornado.http1connection import HTTP1Connection

    from mlx_manager_jupyter.services.gateway import Exchange


class GatewayHandler(OwnErrors):
    """Plain tornado: Jupyter's handler would cost a millisecond a request for an unused login."""

    @property
    def managers(self) -> Managers:
        """One of each noun."""
        return cast("Managers", self.settings[SETTING])

    async def prepare(self) -> None:
        """Let only the bearers of a gateway key in.

        Raises:
            Unauthorized: when there is no key, or none of ours.
            TooManyRequests: when it has asked as often as it may.
        """
        self.current_user = await key_of(self.managers, self.request.headers)

    @property
    def endpoint(self) -> str:
        """The path below ``v1/``."""
        return self.request.path.rpartition("/v1/")[2]

    def check_xsrf_cookie(self) -> None:
        """A key in a header can't be forged by another site, and cookies open nothing here."""

    def answer(self, body: dict[str, Any], status: int = 200) -> None:
        """Finish with JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(msgspec.json.encode(body))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Errors in OpenAI's shape."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        if isinstance(error, MLXManagerError):
            status_code = error.status
        else:
            ours = BadRequest if status_code < 500 else MLXManagerError  # noqa: PLR2004
            error = ours(f"{self._reason}.")
        body, headers = told(self.endpoint, error)
        self.set_status(status_code)
        for name, value in headers.items():
            self.set_header(name, value)
        self.finish(body)


class ModelsHandler(GatewayHandler):
    """``GET v1/models``."""

    @web.authenticated
    async def get(self) -> None:
        """What may be asked with this key: it answers, or would once it has started."""
        self.answer(self.managers.gateway.models(self.current_user))


class ModelHandler(GatewayHandler):
    """``GET v1/models/{name}``."""

    @web.authenticated
    async def get(self, name: str) -> None:
        """One of them, by any of its names; nothing is started."""
        self.answer(await self.managers.gateway.model(name, self.current_user))


@web.stream_request_body
class AskHandler(GatewayHandler):
    """``POST`` to whatever the gateway offers.

    The body is taken as it comes: tornado would cut an upload into its parts, and close the
    connection of one that is too large without a word. A refusal is told once the body has been
    read, since most clients listen no sooner.
    """

    _work: asyncio.Task[Any] | None = None
    _refused: MLXManagerError | None = None
    _left = False

    def initialize(self) -> None:
        """Begin with nothing."""
        self._came: list[bytes] = []
        self._size = 0

    async def prepare(self) -> None:
        """Look at the key before anything of the body is kept."""
        connection = cast("HTTP1Connection", self.request.connection)
        connection.set_max_body_size(LARGEST_BODY)
        try:
            await super().prepare()
        except MLXManagerError as error:
            self._refused = error
        else:
            connection.set_max_body_size(sys.maxsize)

    def data_received(self, chunk: bytes) -> None:
        """Keep it, unless it is for nothing."""
        self._size += len(chunk)
        if self._size > LARGEST_BODY and not self._refused:
            self._refused = too_large()
        if self._refused:
            self._came.clear()
        else:
            self._came.append(chunk)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """What was wrong before the body was read comes first."""
        if refused := self._refused:
            kwargs["exc_info"] = (type(refused), refused, None)
        super().write_error(status_code, **kwargs)

    @web.authenticated
    async def post(self) -> None:
        """Open the way to the engine and copy its answer; a client that leaves ends both.

        Raises:
            TooLarge: when nobody may send so much.
        """
        if self._refused:
            raise self._refused
        if self._left:
            return
        self._work = asyncio.current_task()
        with contextlib.suppress(asyncio.CancelledError):
            await self._relay()

    def on_connection_close(self) -> None:
        """The client left: whatever is under way ends now, and upstream with it."""
        super().on_connection_close()  # or the rest of the body is waited for without end
        self._left = True
        if self._work:
            self._work.cancel()

    async def _relay(self) -> None:
        body = b"".join(self._came)
        asked = asked_of(self.endpoint, self.request.headers, body, self.current_user)
        exchange = await self.managers.gateway.open(asked)
        with contextlib.closing(exchange):
            if exchange.stream:
                await self._stream(exchange)
            else:
                answered, kind = await exchange.answer()
                self._introduce(exchange, {"Content-Type": kind})
                self.finish(answered)

    async def _stream(self, exchange: Exchange) -> None:
        client = cast("HTTP1Connection", self.request.connection).stream
        client.set_nodelay(True)  # with Nagle's algorithm paced chunks arrive 20 to 40 ms late
        begun = False
        with contextlib.suppress(StreamClosedError):
            async with contextlib.aclosing(exchange.events()) as pieces:
                async for events in pieces:
                    if not begun:  # until then an error is still a status of its own
                        begun = True
                        self._introduce(exchange, STREAM_HEADERS)
                    self.write(events)
                    flushed = self.flush()
                    if client.writing():  # slower than the engine: so is the engine then
                        await flushed
            await self.finish()

    def _introduce(self, exchange: Exchange, headers: Mapping[str, str]) -> None:
        for name, value in (*headers.items(), *exchange.headers.items()):
            self.set_header(name, value)


class MissingHandler(GatewayHandler):
    """Whatever the gateway does not offer."""

    @web.authenticated
    async def get(self, path: str) -> None:
        """404 in the client's shape, for every verb.

        Raises:
            NotFound: always.
        """
        raise missing(path)

    post = put = delete = patch = head = get


HANDLERS = [
    (r"/models", ModelsHandler),
    (r"/models/(.+)", ModelHandler),
    *((f"/{endpoint}", AskHandler) for endpoint in ENDPOINTS),
    (r"/(.*)", MissingHandler),
]
