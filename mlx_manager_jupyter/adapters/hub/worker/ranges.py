"""One connection to where the bytes are: ask for a range, check the answer, read it.

By `http.client`, not by huggingface_hub's httpx2, which takes twice the processor time for each
byte: a download shares the machine with inference. Certificates and proxies are found as httpx2
finds them.
"""

from __future__ import annotations

import base64
import re
import socket
import urllib.request
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote, urljoin, urlsplit

import httpx2

from mlx_manager_jupyter.adapters.hub.redaction import first_line
from mlx_manager_jupyter.adapters.hub.refusals import seconds_to_wait, unreachable
from mlx_manager_jupyter.adapters.hub.worker.address import Place, origin
from mlx_manager_jupyter.errors import DownloadFailed, RateLimited

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from mlx_manager_jupyter.adapters.hub.worker.throttle import Throttle

_MOVED = {301, 302, 303, 307, 308}
#: What a store says when a signature is too old, or does not please it any more.
_REFUSED = {401, 403, 404, 410}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_MOST_MOVES = 5


class PlaceRefused(Exception):
    """The store does not take the signed URL: another one is needed."""


class Ranges:
    """Keeps a connection open from one range to the next while they are at the same place."""

    def __init__(self, timeout: float, throttle: Throttle) -> None:
        """``timeout``: seconds of silence after which a connection counts as broken."""
        self._timeout = timeout
        self._throttle = throttle
        self._buffer: int | None = None
        self._connection: HTTPConnection | None = None
        self._origin: tuple[str, str, int] | None = None

    def close(self) -> None:
        """Drop the connection, with whatever is still to come on it."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def ask(self, place: Place, start: int, end: int, size: int) -> HTTPResponse:
        """Ask for the bytes from ``start`` to before ``end`` of a file of ``size`` bytes.

        Raises:
            PlaceRefused: another place is needed.
            HubFailed: no answer, or one that is not what was asked for.
        """
        headers = {
            **place.headers,
            "Accept-Encoding": "identity",
            "Range": f"bytes={start}-{end - 1}",
        }
        url = place.url
        for _ in range(_MOST_MOVES):
            with told():
                answer = self._send(url, headers)
            if answer.status not in _MOVED:
                return self._checked(answer, start, end, size)
            there = urljoin(url, answer.headers.get("Location", ""))
            if origin(there) != origin(url):
                headers.pop("authorization", None)
            self.close()
            url = there
        raise unreachable("The Hub's store of files sends us from place to place.")

    def _checked(self, answer: HTTPResponse, start: int, end: int, size: int) -> HTTPResponse:
        try:
            _check(answer, start, end, size)
        except BaseException:
            self.close()  # what comes on it is no answer to the next question
            raise
        return answer

    def _send(self, url: str, headers: dict[str, str]) -> HTTPResponse:
        wanted, buffer = origin(url), self._throttle.buffer
        if self._connection is None or (self._origin, self._buffer) != (wanted, buffer):
            self.close()
            self._connection = _connection(url, self._timeout)
            self._origin, self._buffer = wanted, buffer
            self._connection.connect()
            if buffer:
                self._connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        parts = urlsplit(url)
        target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        if wanted[0] == "http" and (proxy := _proxy(url)):
            target = parts._replace(fragment="").geturl()
            headers = {**headers, **_authorization(proxy)}
        self._connection.request("GET", target, headers=headers)
        return self._connection.getresponse()


@contextmanager
def told() -> Iterator[None]:
    """Turn what goes wrong on the way into words.

    Raises:
        HubUnreachable: it went wrong.
    """
    try:
        yield
    except TimeoutError:
        raise unreachable("The Hub's store of files did not answer in time.") from None
    except (OSError, HTTPException) as error:
        reason = first_line(str(error)) or type(error).__name__
        raise unreachable(f"The connection to the Hub's store broke: {reason}.") from None


def _check(answer: HTTPResponse, start: int, end: int, size: int) -> None:
    if answer.status in _REFUSED:
        raise PlaceRefused
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        found = RateLimited("The Hub's store of files wants fewer requests.", "Try again later.")
        found.retry_after_seconds = seconds_to_wait(_lowered(answer))
        raise found
    if answer.status != HTTPStatus.PARTIAL_CONTENT:
        _no_range(answer)
    said = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    first, last, total = map(int, said.groups()) if said else (-1, -1, -1)
    is_plain = answer.headers.get("Content-Encoding", "identity") == "identity"
    if (first, total) != (start, size) or last >= end or not is_plain:
        raise unreachable("The Hub's store of files sent other bytes than those asked for.")


def _no_range(answer: HTTPResponse) -> NoReturn:
    if answer.status == HTTPStatus.OK:
        raise unreachable("The Hub's store of files, or a proxy before it, ignores ranges.")
    wait = seconds_to_wait(_lowered(answer))
    raise unreachable(f"The Hub's store of files has a fault (HTTP {answer.status}).", wait)


def _lowered(answer: HTTPResponse) -> dict[str, str]:
    """Its headers as httpx2 names them."""
    return {name.lower(): value for name, value in answer.headers.items()}


def _connection(url: str, timeout: float) -> HTTPConnection:
    scheme, host, port = origin(url)
    if scheme not in {"http", "https"}:
        raise DownloadFailed(f"Files at a {scheme!r} address can't be fetched.")
    proxy = _proxy(url)
    _, at_host, at_port = origin(proxy) if proxy else (scheme, host, port)
    if scheme == "http":
        return HTTPConnection(at_host, at_port, timeout=timeout)
    connection = HTTPSConnection(at_host, at_port, timeout=timeout, context=_certificates())
    if proxy:
        connection.set_tunnel(host, port, headers=_authorization(proxy))
    return connection


def _proxy(url: str) -> str | None:
    """The proxy that the environment, or macOS's settings, name for this address."""
    scheme, host, port = origin(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(f"{host}:{port}"):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.startswith("http://"):
        kind = proxy.partition(":")[0]
        raise DownloadFailed(
            f"The proxy is one of the kind {kind}, which large files can't be fetched by.",
            "Name one that speaks HTTP in HTTPS_PROXY.",
        )
    return proxy


def _authorization(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


@cache
def _certificates() -> ssl.SSLContext:
    return httpx2.create_ssl_context()
