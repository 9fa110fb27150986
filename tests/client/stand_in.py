"""A small real HTTP server in place of the extension, for what the real one does not do on order:
cut streams, forget tokens, break connections."""

from __future__ import annotations

import copy
import json
import os
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TOKEN = "door-token-that-nobody-may-see"
KEY = "gateway-key-that-nobody-may-see"

HARDWARE = {"chip": "Abacus", "system": "Linux", "cores": 2, "memory_bytes": 8_000_000_000}
MEMORY = {"total_bytes": 8, "used_bytes": 4, "available_bytes": 4}
STATUS = {
    "version": "0", "pid": 1, "hardware": HARDWARE, "memory": MEMORY, "gateway_url": "",
}  # fmt: skip


class Asked(BaseHTTPRequestHandler):
    """One request; an answer is chosen by the test."""

    server: Listener
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = json.loads(self.rfile.read(length)) if length else None
        self.asked = f"{self.command} {self.path}"
        # A kept connection is one handler with many requests.
        self.server.door.log.append(copy.copy(self))
        self.server.door.answer(self)

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815  http.server's names

    @property
    def bearer(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def json(self, content: object, status: int = 200, **headers: str) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, *chunks: bytes, **headers: str) -> None:
        """A stream that ends when the connection does."""
        self.send_response(200)
        for name, value in {"Content-Type": "text/event-stream", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(chunk)
            self.wfile.flush()
        self.close_connection = True

    def until_gone(self) -> None:
        """Keep the stream open until the client leaves."""
        self.connection.settimeout(10)
        assert self.connection.recv(1) == b""

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Listener(ThreadingHTTPServer):
    door: StandIn
    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.accepted: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.accepted.append(connection)
        return connection, address

    def handle_error(self, *args: Any) -> None:
        """That a client left is what is tested, not a fault."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*args)

    def end(self) -> None:
        """As when the process dies: the connections that were kept open close too."""
        self.shutdown()
        for connection in self.accepted:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


@dataclass
class StandIn:
    """The door as a test wants it."""

    url: str
    answer: Callable[[Asked], None]
    log: list[Asked] = field(default_factory=list)

    @property
    def asked(self) -> list[str]:
        return [request.asked for request in self.log]


@contextmanager
def listening(answer: Callable[[Asked], None], port: int = 0) -> Iterator[StandIn]:
    listener = Listener(("127.0.0.1", port), Asked)
    listener.door = StandIn(f"http://127.0.0.1:{listener.server_port}/", answer)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield listener.door
    finally:
        listener.end()
        thread.join()


def write_connection(file: Path, url: str, token: str = TOKEN, **facts: Any) -> Path:
    connection = {"version": 1, "pid": os.getpid(), "url": url, "token": token, **facts}
    file.write_text(json.dumps(connection))
    file.chmod(0o600)
    return file


def sse(*events: object) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def chunk(finish: str | None = None, **delta: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


USAGE = {
    "choices": [],
    "usage": {"prompt_tokens": 214, "completion_tokens": 3, "total_tokens": 217, "more": {}},
}
DONE = b"data: [DONE]\n\n"
