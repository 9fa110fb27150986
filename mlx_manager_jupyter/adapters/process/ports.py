"""Ports: is it free, does it answer, whose is it."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

#: Where to knock when an engine listens on every address.
_WILDCARDS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
_LAST_PORT = 65535
#: Seconds. A local handshake takes microseconds; a full accept queue lets it hang.
_KNOCK_SECONDS = 1.0


def port_is_free(host: str, port: int) -> bool:
    """Try to bind. Raises OSError if the host is not an address of this machine.

    With SO_REUSEADDR, as engines do: connections that wait out their end (TIME_WAIT) don't count.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def free_port(host: str, start: int, taken: Collection[int] = ()) -> int:
    """The first free port from ``start`` on that is not in ``taken``. Raises OSError if none is."""
    for port in range(start, _LAST_PORT + 1):
        if port not in taken and port_is_free(host, port):
            return port
    raise OSError(errno.EADDRINUSE, f"No port of {host} from {start} on is free")


async def answers(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    host = _WILDCARDS.get(host, host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as knock:
        knock.settimeout(0)
        try:
            async with asyncio.timeout(_KNOCK_SECONDS):
                await asyncio.get_running_loop().sock_connect(knock, (host, port))
            # A port of the ephemeral range can be given to this very socket, which TCP then
            # connects to itself.
            return bool(knock.getsockname() != knock.getpeername())
        except OSError:  # TimeoutError is one
            return False


def listens(processes: Iterable[psutil.Process], port: int) -> bool:
    """Whether one of these processes holds a listening socket on this port."""
    for process in processes:
        with suppress(psutil.Error):
            if any(_listening(each, port) for each in process.net_connections("tcp")):
                return True
    return False


def holder(port: int) -> str:
    """Say who listens on a port, as far as this user may know: ``process 123 (nginx)``."""
    with suppress(psutil.Error):  # macOS tells only root
        for each in psutil.net_connections("tcp"):
            if _listening(each, port) and each.pid is not None:
                return f"process {each.pid} ({psutil.Process(each.pid).name()})"
    return "another program"


def _listening(connection: psutil._ntuples.pconn | psutil._ntuples.sconn, port: int) -> bool:
    return bool(
        connection.status == psutil.CONN_LISTEN
        and connection.laddr
        and connection.laddr.port == port
    )
