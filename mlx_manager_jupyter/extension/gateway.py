"""``v1``: the OpenAI-compatible gateway, open to our keys alone, never to a browser's cookie."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, cast

import msgspec
from tornado import web
from tornado.iostream import StreamClosedError
from tornado.log import app_log

from mlx_manager_jupyter.errors import MLXManagerError, Unauthorized
from mlx_manager_jupyter.extension.base import OwnErrors
from mlx_manager_jupyter.extension.managers import SETTING, Managers

if TYPE_CHECKING:
    from tornado.http1connection import HTTP1Connection

    from mlx_manager_jupyter.services.gateway import Chat


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
        """
        scheme, _, secret = self.request.headers.get("Authorization", "").partition(" ")
        key = await self.managers.keys.check(secret.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            raise Unauthorized(
                "This gateway needs one of its own keys.", "Send it as 'Authorization: Bearer …'."
            )
        self.current_user = key

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
        ours = error if isinstance(error, MLXManagerError) else None
        status = ours.status if ours else status_code
        told = {
            "message": str(ours) if ours else self._reason,
            "type": "invalid_request_error" if status < 500 else "server_error",  # noqa: PLR2004
            "param": None,
            "code": ours.code if ours else None,
        }
        self.answer({"error": told}, status)


class ModelsHandler(GatewayHandler):
    """``GET v1/models``."""

    @web.authenticated
    async def get(self) -> None:
        """What answers right now."""
        self.answer(self.managers.gateway.models())


class ChatHandler(GatewayHandler):
    """``POST v1/chat/completions``."""

    _work: asyncio.Task[Any] | None = None

    @web.authenticated
    async def post(self) -> None:
        """Open the way to the engine and copy its answer; a client that leaves ends both."""
        self._work = asyncio.current_task()
        with contextlib.suppress(asyncio.CancelledError):
            await self._relay()

    def on_connection_close(self) -> None:
        """The client left: whatever is under way ends now, and upstream with it."""
        if self._work:
            self._work.cancel()

    async def _relay(self) -> None:
        chat = await self.managers.gateway.chat(self.request.body)
        with contextlib.closing(chat):
            for name, value in chat.headers.items():
                self.set_header(name, value)
            if chat.stream:
                await self._stream(chat)
            else:
                self.answer(await chat.completion())

    async def _stream(self, chat: Chat) -> None:
        client = cast("HTTP1Connection", self.request.connection).stream
        client.set_nodelay(True)  # with Nagle's algorithm paced chunks arrive 20 to 40 ms late
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")
        with contextlib.suppress(StreamClosedError):
            async for events in chat.events():
                self.write(events)
                flushed = self.flush()
                if client.writing():  # the client is slower than the engine: so is the engine then
                    await flushed
            await self.finish()


class MissingHandler(GatewayHandler):
    """Whatever the gateway does not offer."""

    @web.authenticated
    async def get(self, path: str) -> None:
        """404 in OpenAI's shape, for every verb."""
        app_log.debug("the gateway has no %s", path)
        self.set_status(404)
        self.write_error(404)

    post = put = delete = patch = head = get


HANDLERS = [
    (r"/models", ModelsHandler),
    (r"/chat/completions", ChatHandler),
    (r"/(.*)", MissingHandler),
]
