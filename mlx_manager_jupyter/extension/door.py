"""The loopback door: a second listener, for kernels and tools, whatever Jupyter's own login is.

It serves the same as Jupyter's own URL, but to bearers of *our* secrets alone: the door's token
opens the API, a gateway key the gateway. What is asked of a model goes through a server of its own
there (`door_gateway`), which costs less; the reception tells connections apart by their first
bytes.

A file that only this user can read says where the door is; its path, never a secret, reaches
kernels through the environment that they inherit.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import importlib
import os
import secrets
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from jupyter_core.paths import secure_write
from jupyter_server.auth.authorizer import AllowAllAuthorizer
from jupyter_server.auth.identity import IdentityProvider, User
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from mlx_manager_jupyter.extension.door_reception import Reception
from mlx_manager_jupyter.extension.managers import SETTING
from mlx_manager_jupyter.schema import Connection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import Logger
    from pathlib import Path

    from mlx_manager_jupyter.extension.door_gateway import DoorGateway

#: Kernels find the connection file through this variable.
CONNECTION_VARIABLE = "MLX_MANAGER_JUPYTER_CONNECTION"

#: Schema of the connection file.
CONNECTION_VERSION = 1

HOST = "127.0.0.1"


class DoorIdentityProvider(IdentityProvider):
    """Knows one user: whoever has the door's token."""

    def __init__(self, secret: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._secret = secret.encode()

    def get_user(self, handler: web.RequestHandler) -> User | None:
        """The owner of this machine's account, or None."""
        scheme, _, given = handler.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._secret):
            return None
        # A token is proof against forgery: no XSRF cookie is asked for.
        handler._token_authenticated = True  # type: ignore[attr-defined]  # noqa: SLF001
        return User(username="door")


class Door:
    """Opens with `open`, closes with `close`; both leave nothing behind."""

    def __init__(self, runtime_dir: Path, log: Logger) -> None:
        self._runtime_dir = runtime_dir
        self._log = log
        self._reception: Reception | None = None
        self._making: asyncio.Task[DoorGateway] | None = None
        self._file = runtime_dir / f"mlx-manager-jupyter-{os.getpid()}.json"
        self._token = secrets.token_urlsafe(32)
        self.url = ""

    def open(self, port: int, routes: Sequence[tuple[str, type]], settings: dict[str, Any]) -> None:
        """Listen on ``port``, or on any free one, and tell kernels where."""
        self.sweep()
        app = web.Application(
            list(routes),
            **settings
            | {
                "base_url": "/",
                "identity_provider": DoorIdentityProvider(self._token),
                "authorizer": AllowAllAuthorizer(),
                "allow_remote_access": False,
            },
        )
        sockets = _listen(port)
        actual = sockets[0].getsockname()[1]
        self.url = f"http://{HOST}:{actual}/"
        self._managers = settings[SETTING]
        self._reception = Reception(sockets, HTTPServer(app), self._gateway)
        if port and actual != port:
            self._log.warning("port %s is taken; the MLX gateway listens on %s", port, actual)
        self._write()

    async def close(self) -> None:
        """Stop listening, take the file away, and end what is under way at the gateway."""
        if self._reception:
            self._reception.close()
            self._reception = None
        self._file.unlink(missing_ok=True)
        if os.environ.get(CONNECTION_VARIABLE) == str(self._file):
            del os.environ[CONNECTION_VARIABLE]
        if self._making:
            with contextlib.suppress(Exception):
                await (await self._making).close()
            self._making = None

    async def _gateway(self) -> DoorGateway:
        """The gateway; made on first use, since its import takes a while."""
        if self._making is None:
            self._making = asyncio.create_task(self._make())
        return await asyncio.shield(self._making)

    async def _make(self) -> DoorGateway:
        name = f"{__package__}.door_gateway"
        made = await asyncio.to_thread(importlib.import_module, name)
        gateway: DoorGateway = made.DoorGateway(self._managers, self.url, self._log)
        return gateway

    def sweep(self) -> None:
        """Remove the files of killed extensions, found by connecting since pids are reused."""
        for file in self._runtime_dir.glob("mlx-manager-jupyter-*.json"):
            with contextlib.suppress(OSError, msgspec.DecodeError):
                url = msgspec.json.decode(file.read_bytes(), type=Connection).url
                if not _answers(urlsplit(url).port or 0):
                    file.unlink()

    def _write(self) -> None:
        connection = Connection(
            version=CONNECTION_VERSION, pid=os.getpid(), url=self.url, token=self._token
        )
        self._runtime_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self._file.with_suffix(".tmp")  # a kernel may look at any moment
        with secure_write(str(unfinished), binary=True) as file:
            file.write(msgspec.json.encode(connection))
        unfinished.replace(self._file)
        os.environ[CONNECTION_VARIABLE] = str(self._file)


def _listen(port: int) -> list[socket.socket]:
    try:
        return bind_sockets(port, HOST)
    except OSError:
        return bind_sockets(0, HOST)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=0.5):
        return True
    return False
