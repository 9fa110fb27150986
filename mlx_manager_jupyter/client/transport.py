"""One pool of connections to the extension's door; the only importer of httpx2.

It knows who we are (the door's token, the kernel's gateway key), how errors travel, and when a
request may be sent a second time: only if it can't have been acted on, and only once.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

import httpx2
import msgspec

from mlx_manager_jupyter.errors import ExtensionUnreachable, MLXManagerError, UpstreamFailed
from mlx_manager_jupyter.schema import CreateKey, NewKey, Problem, learn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlx_manager_jupyter.schema import Connection

API: Final = "mlx-manager/api/"
GATEWAY: Final = "v1/"

CONNECT_SECONDS = 2.0
#: The slowest ordinary answer is a stop: the engine gets time for its open streams.
ANSWER_SECONDS = 60.0


class Transport:
    """Sends requests to wherever ``find`` says the door is; safe to use from several threads."""

    def __init__(self, find: Callable[[], Connection]) -> None:
        self._find = find
        self._lock = RLock()
        self._door: Connection | None = None
        self._key: str | None = None
        # trust_env: a proxy in the environment is for the network, not for this machine.
        self._http = httpx2.Client(
            trust_env=False, timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        )

    @property
    def door(self) -> Connection:
        """The door in use, found on first need.

        Raises:
            ExtensionUnreachable: there is none.
        """
        with self._lock:
            if self._door is None:
                self._door = self._find()
            return self._door

    @property
    def key(self) -> str:
        """This process's own key of the gateway, tried: a restarted extension knows no old ones.

        Raises:
            ExtensionUnreachable: there is nobody to ask for one.
        """
        with self.stream("GET", f"{GATEWAY}models"):
            return self._secret(GATEWAY)

    def call(
        self, method: str, path: str, body: object = None, *, patient: bool = False
    ) -> httpx2.Response:
        """Send one API request and read the answer.

        Args:
            method: of HTTP.
            path: below the API's root.
            body: what becomes JSON.
            patient: wait for the answer for ever, as for the checksums of a large model.

        Raises:
            MLXManagerError: the error that the extension answered with.
            ExtensionUnreachable: it did not answer.
        """
        seconds = None if patient else ANSWER_SECONDS
        with self.stream(method, API + path, body, read_seconds=seconds) as response:
            try:
                response.read()
            except httpx2.TransportError:
                raise _broken() from None
            return response

    @contextmanager
    def stream(
        self, method: str, path: str, body: object = None, **options: Any
    ) -> Iterator[httpx2.Response]:
        """Send a request and hand over the unread answer; leaving the block closes it at once.

        ``options`` are ``headers`` and ``read_seconds`` (``None``: wait for ever).
        """
        response = self._open(method, path, body, **options)
        try:
            yield response
        finally:
            response.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _open(
        self,
        method: str,
        path: str,
        body: object,
        *,
        headers: dict[str, str] | None = None,
        read_seconds: float | None = ANSWER_SECONDS,
    ) -> httpx2.Response:
        content = None if body is None else msgspec.json.encode(body)
        timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=read_seconds)
        for is_last in (False, True):
            door = self.door
            request = self._http.build_request(
                method, door.url + path, content=content, headers=headers, timeout=timeout
            )
            request.headers["Authorization"] = f"Bearer {self._secret(path)}"
            if content is not None:
                request.headers["Content-Type"] = "application/json"
            try:
                response = self._http.send(request, stream=True)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                # Never sent. Jupyter may have come back behind another door.
                if not is_last and self._rediscover() != door:
                    continue
                raise _refused(door) from None
            except httpx2.TransportError:
                if not is_last and method == "GET":
                    continue
                raise _broken() from None
            if response.status_code == HTTPStatus.UNAUTHORIZED and not is_last:
                response.close()
                self._renew(path)
                continue
            if response.is_error:
                raise _error(response)
            return response
        raise AssertionError("the second attempt returns or raises")

    def _secret(self, path: str) -> str:
        """The bearer for this path. A gateway key is made on first use and kept in memory only."""
        if path.startswith(API):
            return self.door.token
        with self._lock:
            if self._key is None:
                # Jupyter tells a kernel which notebook it is for.
                notebook = os.environ.get("JPY_SESSION_NAME")
                wanted = CreateKey(label=_who(), pid=os.getpid(), notebook=notebook)
                made = self.call("POST", "keys", wanted)
                self._key = msgspec.json.decode(made.content, type=NewKey).secret
            return self._key

    def _renew(self, path: str) -> None:
        """Forget what was refused: after a restart the extension knows neither token nor key."""
        if path.startswith(API):
            self._rediscover()
        else:
            with self._lock:
                self._key = None

    def _rediscover(self) -> Connection:
        with self._lock:
            self._door = None
            return self.door


def chunks(response: httpx2.Response) -> Iterator[bytes]:
    """The body of a stream as it arrives.

    Raises:
        ExtensionUnreachable: the connection broke.
    """
    try:
        yield from response.iter_raw()
    except httpx2.TransportError:
        raise _broken() from None


def _who() -> str:
    """What the key of this process is called where keys are listed."""
    if "ipykernel" in sys.modules:
        return "kernel"
    program = Path(sys.argv[0]).name if sys.argv else ""
    return (program or "python")[:80]


def _refused(door: Connection) -> ExtensionUnreachable:
    return ExtensionUnreachable(
        f"MLX Manager does not answer at {door.url}.",
        "Jupyter may be restarting, or have stopped.",
    )


def _broken() -> ExtensionUnreachable:
    return ExtensionUnreachable(
        "The connection to MLX Manager broke before the answer was complete.",
        "Jupyter may have stopped; look before you ask again.",
    )


class _OpenAIError(msgspec.Struct):
    message: str
    code: str | None = None
    hint: str | None = None


class _OpenAIProblem(msgspec.Struct):
    error: _OpenAIError


learn(_OpenAIProblem)


def decode_error(body: bytes) -> MLXManagerError | None:
    """The error in a body, be it ours or in OpenAI's shape; ``None`` when there is none."""
    try:
        return MLXManagerError.of(msgspec.json.decode(body, type=Problem))
    except msgspec.DecodeError:
        pass
    try:
        error = msgspec.json.decode(body, type=_OpenAIProblem).error
    except msgspec.DecodeError:
        return None
    code = error.code or UpstreamFailed.code
    return MLXManagerError.of(Problem(code=code, message=error.message, hint=error.hint))


def _error(response: httpx2.Response) -> MLXManagerError:
    try:
        body = response.read()
    except httpx2.TransportError:
        body = b""
    finally:
        response.close()
    reason = f"{response.status_code} {response.reason_phrase}"
    return decode_error(body) or MLXManagerError(f"MLX Manager answered {reason}.")
