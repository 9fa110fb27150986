"""One request on its way: to a server, through its engine, and back to the client."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import msgspec

from mlx_manager_jupyter.errors import BadRequest, MLXManagerError, UpstreamFailed
from mlx_manager_jupyter.services.gateway.fields import off_loop
from mlx_manager_jupyter.services.gateway.offered import refusal
from mlx_manager_jupyter.services.gateway.relay import END
from mlx_manager_jupyter.services.gateway.tally import Tally

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from mlx_manager_jupyter.adapters.upstream import Answer, Upstream
    from mlx_manager_jupyter.services.gateway.account import Account
    from mlx_manager_jupyter.services.gateway.admission import Admission
    from mlx_manager_jupyter.services.gateway.relay import Relay, Request
    from mlx_manager_jupyter.services.servers import ManagedServer

#: What stays as it is in a header's value.
READABLE = "/:@~ "
OK = 200
#: Nobody reads on.
ABANDONED = GeneratorExit()


class Exchange:
    """Read `events` or `answer`, and `close` it however it ended."""

    def __init__(
        self,
        request: Request,
        admission: Admission,
        account: Account,
        upstream: Upstream,
    ) -> None:
        self.stream = request.stream
        self._request = request
        self._admission = admission
        self._account = account
        self._upstream = upstream
        self._relay: Relay | None = None
        self._answer: Answer | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What produces the answer; percent-encoded, since a path may be in any script."""
        place, server = self._admission.place, self._admission.server
        named = {
            "X-MLX-Server": place.name,
            "X-MLX-Model": place.profile.model,
            "X-MLX-Revision": server.stored.revision if server else None,
            "X-MLX-Engine": server.stored.engine if server else None,
        }
        return {name: quote(value, safe=READABLE) for name, value in named.items() if value}

    async def events(self) -> AsyncGenerator[bytes]:
        """The stream as it comes, in whole events; a broken one ends with an error event.

        One that has to wait begins with comments that say what for.

        Raises:
            MLXManagerError: only before the first piece: why there is no stream at all.
        """
        error: BaseException | None = ABANDONED
        begun = False
        try:
            if not self._admission.at_once():
                async with aclosing(self._admission.notices()) as notices:
                    async for notice in notices:
                        begun = True
                        yield notice
            relay, answer = await self._opened()
            async for arrived in whole_events(answer):
                if passed := relay.events(arrived):
                    begun = True
                    yield passed
                if relay.over:
                    break
            self._check_done(relay)
            error = None
        except MLXManagerError as problem:
            error = problem
            if not begun:
                raise
            yield (self._relay or self._request).broken(problem)
        finally:
            self.close(error)

    async def answer(self) -> tuple[bytes, str]:
        """The whole answer and its content type; put together if the engine streams it.

        Raises:
            MLXManagerError: when there is none, or the engine breaks off.
        """
        error: BaseException | None = ABANDONED
        try:
            if not self._admission.at_once():
                async with aclosing(self._admission.notices()) as notices:
                    async for _ in notices:
                        pass
            relay, answer = await self._opened()
            if relay.streamed:
                async for arrived in whole_events(answer):
                    relay.add(arrived)
                    if relay.over:
                        break
                self._check_done(relay)
                body, kind = relay.whole(), "application/json"
            else:
                said, kind = await answer.read(), answer.content_type
                body = await off_loop(len(said), lambda: relay.plain(said))
            error = None
        except MLXManagerError as problem:
            error = problem
            raise
        finally:
            self.close(error)
        return body, kind

    def close(self, error: BaseException | None = ABANDONED) -> None:
        """Close upstream, which ends generation if it still runs. Later calls change nothing.

        Args:
            error: why it ended, if not well; see `Account.end`.
        """
        if self._answer:
            self._answer.close()
        self._admission.end()
        self._account.end(error)

    async def _opened(self) -> tuple[Relay, Answer]:
        """Ask the engine. Cancelling this closes upstream.

        Raises:
            NotOffered: when the engine has nothing of the kind.
            BadRequest: when the engine refuses a value.
            UpstreamFailed: when it can't be reached or fails.
        """
        server = cast("ManagedServer", self._admission.server)
        stored, engine = server.stored, server.engine
        self._account.tally = tally = Tally(self._admission.traffic)
        self._relay = relay = self._request.relay(server, tally)
        headers = engine.headers(stored) | {"Content-Type": relay.content_type}
        self._answer = answer = await self._upstream.send(
            engine.url(stored, f"/v1/{relay.path}"), relay.body, headers
        )
        await _check(answer, server, relay.path)
        return relay, answer

    def _check_done(self, relay: Relay) -> None:
        if not relay.done:
            raise UpstreamFailed(
                "The engine ended in the middle of its answer.", "See the server's log."
            )


async def whole_events(answer: Answer) -> AsyncIterator[list[bytes]]:
    """Cut where events end, since a chunk may end anywhere; all that came at once together.

    Raises:
        UpstreamFailed: when the engine breaks off.
    """
    rest = b""
    async for chunk in answer.chunks():
        text = rest + chunk
        if b"\r" in text:  # some servers end lines as HTTP does
            text = text.replace(b"\r\n", b"\n")
        *arrived, rest = text.split(END)
        yield arrived


async def _check(answer: Answer, server: ManagedServer, path: str) -> None:
    if answer.status == OK:
        return
    said = _said(await answer.read())
    if missing := refusal(server, path, answer.status, said):
        raise missing
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
