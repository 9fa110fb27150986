"""One chat answer on its way from the engine to the client."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from mlx_manager_jupyter.errors import BadRequest, UpstreamFailed
from mlx_manager_jupyter.services.gateway.completion import Aggregate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mlx_manager_jupyter.adapters.upstream import Answer, Upstream
    from mlx_manager_jupyter.services.gateway.request import ChatRequest
    from mlx_manager_jupyter.services.metrics import Traffic
    from mlx_manager_jupyter.services.servers import ManagedServer

PATH = "/v1/chat/completions"
DONE = b"data: [DONE]"

#: What stays as it is in a header's value.
READABLE = "/:@~ "
END = b"\n\n"


class Chat:
    """Read `events` or `completion`, and `close` it however it ended."""

    def __init__(self, request: ChatRequest, server: ManagedServer, traffic: Traffic) -> None:
        self.stream = request.stream
        self._request = request
        self._server = server
        self._traffic = traffic
        self._answer: Answer | None = None
        self._open = False
        self._first_token_due = True
        self._began = time.monotonic()
        self._renamed = _renamed(server.stored.served_name, request.model)

    @property
    def headers(self) -> dict[str, str]:
        """What produces the answer; percent-encoded, since a path may be in any script."""
        stored = self._server.stored
        named = {
            "X-MLX-Server": stored.name,
            "X-MLX-Model": stored.profile.model,
            "X-MLX-Revision": stored.revision,
            "X-MLX-Engine": stored.engine,
        }
        return {name: quote(value, safe=READABLE) for name, value in named.items() if value}

    async def open(self, upstream: Upstream) -> None:
        """Send the request. Cancelling this closes upstream.

        Raises:
            BadRequest: when the engine refuses a value.
            UpstreamFailed: when it can't be reached or fails.
        """
        stored, engine = self._server.stored, self._server.engine
        body = self._request.upstream_body(engine, stored)
        self._open = True
        self._traffic.in_flight += 1
        self._server.use.begin()
        try:
            self._answer = await upstream.send(
                engine.url(stored, PATH), body, engine.headers(stored)
            )
            await _check(self._answer)
        except BaseException:
            self.close()
            raise

    async def events(self) -> AsyncIterator[bytes]:
        """The stream as it comes, in whole events; a broken one ends with an error event."""
        try:
            async for arrived in self._whole_events():
                passed = b"".join(event + END for event in arrived if self._passes(event))
                if passed:
                    for pinned, asked in self._renamed:
                        passed = passed.replace(pinned, asked)
                    yield passed
        except UpstreamFailed as error:
            problem = {"message": str(error), "type": "server_error", "code": error.code}
            yield b"data: " + msgspec.json.encode({"error": problem}) + END
        finally:
            self.close()

    async def completion(self) -> dict[str, Any]:
        """The whole answer in OpenAI's shape, put together from the stream.

        Raises:
            UpstreamFailed: when the engine breaks off.
        """
        whole = Aggregate(self._request.model)
        try:
            async for arrived in self._whole_events():
                for event in arrived:
                    self._passes(event)
                    whole.add(event)
        finally:
            self.close()
        return whole.completion()

    def close(self) -> None:
        """Close upstream, which ends generation if it still runs. May be called twice."""
        if self._open:
            self._open = False
            self._traffic.in_flight -= 1
            self._server.use.end()
        if self._answer:
            self._answer.close()

    async def _whole_events(self) -> AsyncIterator[list[bytes]]:
        """Cut where events end, since a chunk may end anywhere; all that came at once together.

        Raises:
            UpstreamFailed: when the engine ends without saying that it is done.
        """
        if self._answer is None:
            return
        rest, done = b"", False
        async for chunk in self._answer.chunks():
            *arrived, rest = (rest + chunk).split(END)
            done = done or DONE in arrived
            yield arrived
        if not done:
            raise UpstreamFailed(
                "The engine ended in the middle of its answer.", "See the server's log."
            )

    def _passes(self, event: bytes) -> bool:
        """Count the event; False for a usage report that the client did not ask for."""
        if b'"content"' in event or b'"reasoning' in event:
            self._traffic.tokens += 1
            if self._first_token_due:
                self._first_token_due = False
                self._traffic.first_token_seconds = round(time.monotonic() - self._began, 4)
        elif b'"usage"' in event and not self._request.wants_usage:
            return bool(msgspec.json.decode(event.partition(b"data: ")[2]).get("choices"))
        return True


def _renamed(served: str, asked: str) -> list[tuple[bytes, bytes]]:
    """What an engine calls itself in its events, and what the client called it.

    A quote inside a JSON string is always escaped, so these bytes can only be the field itself.
    Engines write it with a blank or without, and other scripts than ours escaped or as they are.
    """
    names = dict.fromkeys((msgspec.json.encode(served), json.dumps(served).encode()))
    wanted = msgspec.json.encode(asked)
    gaps = (b'"model": ', b'"model":')
    return [(gap + name, gap + wanted) for gap in gaps for name in names]


async def _check(answer: Answer) -> None:
    if answer.status == 200:  # noqa: PLR2004
        return
    said = _said(await answer.read())
    # mlx-lm answers 404 to a bad request and to its own death alike.
    if 400 <= answer.status < 500 and "generation thread died" not in said:  # noqa: PLR2004
        raise BadRequest(f"The engine refused the request: {said}.")
    raise UpstreamFailed(f"The engine failed ({answer.status}): {said}.", "See the server's log.")


def _said(body: bytes) -> str:
    """The reason in an engine's error: each wraps it in its own way."""
    try:
        reason: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body[:200].decode("utf-8", "replace").rstrip(".")
    for name in ("detail", "error", "message"):
        if isinstance(reason, dict):
            reason = reason.get(name, reason)
    return str(reason or "no reason given").rstrip(".")
