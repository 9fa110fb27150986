"""Who takes a new connection at the door: the server that is made for what it asks first."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

from tornado.iostream import IOStream
from tornado.netutil import add_accept_handler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tornado.httpserver import HTTPServer

    from mlx_manager_jupyter.extension.door_gateway import DoorGateway

#: How a connection begins that `DoorGateway` takes. Everything else tornado answers, this too.
ASKING = b"POST /v1/"


class Reception:
    """Looks at the first bytes of each connection, and leaves them where they are."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        usual: HTTPServer,
        gateway: Callable[[], Awaitable[DoorGateway]],
    ) -> None:
        """Begin to listen.

        Args:
            sockets: bound ones; they are closed at the end.
            usual: takes whatever nobody else does.
            gateway: gives who takes what `ASKING` says; made on first use.
        """
        self._usual = usual
        self._gateway = gateway
        self._sockets = sockets
        self._loop = asyncio.get_running_loop()
        self._silent: set[socket.socket] = set()
        """Have not said anything yet."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._leave = [add_accept_handler(each, self._greet) for each in sockets]

    def close(self) -> None:
        """Take no more connections."""
        for leave, listening in zip(self._leave, self._sockets, strict=True):
            leave()
            listening.close()
        for connection in tuple(self._silent):
            self._loop.remove_reader(connection)
            connection.close()
        self._silent.clear()

    def _greet(self, connection: socket.socket, address: Any) -> None:  # noqa: ANN401  as tornado has it
        connection.settimeout(0)
        if not self._place(connection, address):
            self._silent.add(connection)
            self._loop.add_reader(connection, self._listen, connection, address)

    def _listen(self, connection: socket.socket, address: Any) -> None:  # noqa: ANN401  the same
        self._loop.remove_reader(connection)
        self._silent.discard(connection)
        if not self._place(connection, address):  # woken for nothing
            self._greet(connection, address)

    def _place(self, connection: socket.socket, address: Any) -> bool:  # noqa: ANN401  the same
        """Hand it over; False while it has not said anything."""
        try:
            first = connection.recv(len(ASKING), socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:  # gone already
            connection.close()
            return True
        if first == ASKING:
            task = self._loop.create_task(self._hand_over(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._usual.handle_stream(IOStream(connection), address)
        return True

    async def _hand_over(self, connection: socket.socket) -> None:
        gateway = await self._gateway()
        await self._loop.connect_accepted_socket(gateway, connection)
