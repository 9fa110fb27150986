"""``events``: one stream of all nouns, as a WebSocket for browsers and as SSE for scripts.

Browsers allow six HTTP connections a host, so with SSE the sixth tab's requests would hang.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from mlx_manager_jupyter.extension.base import RecordHandler

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import Event
    from mlx_manager_jupyter.services.events import Subscription

#: Seconds between two SSE comments that keep proxies from closing an idle stream.
HEARTBEAT = 10.0


class EventsHandler(WebSocketMixin, WebSocketHandler, RecordHandler):
    """``GET events``: a snapshot first, then numbered deltas; resumes after the last id."""

    _track_activity = False
    _subscription: Subscription | None = None
    _sender: asyncio.Task[None] | None = None

    async def prepare(self) -> None:  # type: ignore[override]
        """As for any record: WebSocketMixin's own would redirect to a login page."""
        await RecordHandler.prepare(self)

    @web.authenticated
    @authorized
    async def get(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """A WebSocket when asked to upgrade, else server-sent events."""
        await self.managers.profiles.list()  # another extension may have changed them
        if self.request.headers.get("Upgrade", "").lower() == "websocket":
            await super().get(*args, **kwargs)
        else:
            await self._send_sse()

    def open(self, *_args: Any, **_kwargs: Any) -> None:
        """The WebSocket stands: send what there is and what comes."""
        super().open()
        self.set_nodelay(True)
        self._sender = asyncio.create_task(self._send_frames())

    def on_message(self, message: str | bytes) -> None:
        """Commands go by REST; a viewer has nothing to say here."""

    def on_close(self) -> None:
        """The viewer left."""
        self._leave()
        super().on_close()

    def on_connection_close(self) -> None:
        """The viewer left, in either form."""
        self._leave()
        super().on_connection_close()

    def _enter(self) -> Subscription:
        last_id = self.request.headers.get("Last-Event-ID") or self.get_query_argument(
            "last_id", None
        )
        self._subscription = self.managers.events.subscribe(last_id)
        return self._subscription

    def _leave(self) -> None:
        if self._subscription:
            self._subscription.close()

    async def _send_frames(self) -> None:
        viewer = self._enter()
        try:
            while not viewer.closed:
                if batch := await viewer.next_batch():
                    await self.write_message(msgspec.json.encode(batch).decode())
        except WebSocketClosedError:
            pass
        finally:
            viewer.close()
            self.close(1001, "the extension stops")

    async def _send_sse(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        viewer = self._enter()
        try:
            while not viewer.closed:
                batch = await viewer.next_batch(HEARTBEAT)
                self.write(b"".join(map(_sse, batch)) or b": still here\n\n")
                await self.flush()
        except StreamClosedError:
            pass
        finally:
            viewer.close()


def _sse(event: Event) -> bytes:
    kind = type(event).__struct_config__.tag
    data = msgspec.json.encode(event)
    return f"id: {event.id}\nevent: {kind}\ndata: ".encode() + data + b"\n\n"


HANDLERS = [(r"/events", EventsHandler)]
