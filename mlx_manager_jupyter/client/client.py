"""The extension as seen from a kernel or a script: the same nouns as its REST interface."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import msgspec

from mlx_manager_jupyter.client.discovery import discover
from mlx_manager_jupyter.client.downloads import DownloadCalls
from mlx_manager_jupyter.client.engines import EngineCalls
from mlx_manager_jupyter.client.keys import KeyCalls
from mlx_manager_jupyter.client.metrics import MetricsCalls
from mlx_manager_jupyter.client.models import ModelCalls
from mlx_manager_jupyter.client.profiles import ProfileCalls
from mlx_manager_jupyter.client.requests import RequestCalls
from mlx_manager_jupyter.client.servers import ServerCalls
from mlx_manager_jupyter.schema import AnyEvent, Check, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

    from httpx2 import Response

    from mlx_manager_jupyter.client.gateway import ChatRequest, ChatStream
    from mlx_manager_jupyter.client.transport import Transport
    from mlx_manager_jupyter.schema import Connection

T = TypeVar("T")

#: The extension sends a heartbeat every 10 s; after three missing ones nobody is there.
SILENCE_SECONDS = 35.0


class Client:
    """Talks to the extension. Connects on first use; safe to use from several threads.

    Every method raises the `MLXManagerError` that the extension answered with, and
    `ExtensionUnreachable` when there was no answer.

    Args:
        find: says where the door is; asked again when the door has moved.
    """

    def __init__(self, find: Callable[[], Connection] = discover) -> None:
        self._find = find
        self.models = ModelCalls(self)
        self.downloads = DownloadCalls(self)
        self.servers = ServerCalls(self)
        self.engines = EngineCalls(self)
        self.profiles = ProfileCalls(self)
        self.keys = KeyCalls(self)
        self.requests = RequestCalls(self)
        self.metrics = MetricsCalls(self)

    @property
    def gateway_url(self) -> str:
        """Base URL for OpenAI clients on this machine; they need a key."""
        return f"{self._transport.door.url}v1"

    @property
    def gateway_key(self) -> str:
        """A key for them that dies with this process."""
        return self._transport.key

    def status(self) -> Status:
        """Version, machine, memory, and the servers with what each does right now."""
        return self.call("GET", "status?loads=true", Status)

    def doctor(self, *, hub: bool = False) -> list[Check]:
        """Everything that a bug report needs of the extension; ``hub``: ask the Hub as well."""
        answer = self.send("GET", f"doctor?hub={'true' if hub else 'false'}", patient=True)
        return msgspec.json.decode(answer.content, type=list[Check])

    def events(self, last_id: str | None = None) -> Generator[AnyEvent]:
        """Follow what happens: a `Snapshot` first, then every change. Close it to leave.

        Args:
            last_id: the last event seen, to go on from there if the extension still can.
        """
        from mlx_manager_jupyter.client.stream import frames  # noqa: PLC0415  with its transport
        from mlx_manager_jupyter.client.transport import chunks  # noqa: PLC0415  the same

        headers = {"Last-Event-ID": last_id} if last_id else {}
        with self.stream("events", headers) as response:
            for frame in frames(chunks(response)):
                yield msgspec.json.decode(frame.data, type=AnyEvent)

    def chat(self, request: ChatRequest) -> AbstractContextManager[ChatStream]:
        """Ask a model; the block's end, for whatever reason, ends the generation too."""
        from mlx_manager_jupyter.client.gateway import open_chat  # noqa: PLC0415  as above

        return open_chat(self._transport, request)

    def call(self, method: str, path: str, kind: type[T], body: object = None) -> T:
        """Send one request to the API and decode the answer."""
        return msgspec.json.decode(self.send(method, path, body).content, type=kind)

    def delete(self, path: str) -> None:
        """Send a ``DELETE`` to the API."""
        self.send("DELETE", path)

    def send(
        self, method: str, path: str, body: object = None, *, patient: bool = False
    ) -> Response:
        """Send one request to the API; ``patient``: the answer takes what it takes."""
        return self._transport.call(method, path, body, patient=patient)

    def stream(
        self, path: str, headers: dict[str, str] | None = None
    ) -> AbstractContextManager[Response]:
        """Open a stream of server-sent events of the API; the block's end leaves it."""
        from mlx_manager_jupyter.client.transport import API  # noqa: PLC0415  httpx2: slow

        wanted = {"Accept": "text/event-stream", **(headers or {})}
        return self._transport.stream(
            "GET", API + path, headers=wanted, read_seconds=SILENCE_SECONDS
        )

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        if transport := self.__dict__.pop("_transport", None):
            transport.close()

    @cached_property
    def _transport(self) -> Transport:
        from mlx_manager_jupyter.client.transport import Transport  # noqa: PLC0415  httpx2: slow

        return Transport(self._find)


_shared: tuple[int, Client] | None = None


def shared_client() -> Client:
    """The one client of this process; a forked child gets its own, sockets can't be shared."""
    global _shared  # noqa: PLW0603  one per process is what it is
    if _shared is None or _shared[0] != os.getpid():
        _shared = os.getpid(), Client()
    return _shared[1]
