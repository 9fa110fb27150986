"""``client.servers``: start, stop, wait until one answers, and read what it writes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from mlx_manager_jupyter.errors import (
    ExtensionUnreachable,
    MLXManagerError,
    NotReady,
    UnknownServer,
)
from mlx_manager_jupyter.schema import LogEnd, LogLine, LogRun, Logs, Problem, Server, StartServer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from mlx_manager_jupyter.client.client import Client
    from mlx_manager_jupyter.client.feed import Feed

#: Events say when to look; this is for the passing time, and for those that got lost.
LOOK_SECONDS = 0.25

#: States that a server leaves by itself.
PASSING = frozenset({"starting", "loading", "stopping"})

_LOG_EVENTS: dict[str, type[LogRun | LogLine | LogEnd]] = {
    "run": LogRun,
    "line": LogLine,
    "end": LogEnd,
}


class Started(NamedTuple):
    """Answer of `ServerCalls.start`."""

    server: Server
    is_new: bool
    """False when it was there already: then it is not ours to stop."""


class ServerCalls:
    """``client.servers``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> list[Server]:
        """All servers, failed ones included."""
        return self._client.call("GET", "servers", list[Server])

    def get(self, name: str) -> Server:
        """One server; `UnknownServer` if it is gone."""
        return self._client.call("GET", _path(name), Server)

    def start(self, wanted: StartServer) -> Started:
        """Start a server, or find it running. Returns at once: see `Server.state`."""
        answer = self._client.send("POST", "servers", wanted)
        server = msgspec.json.decode(answer.content, type=Server)
        return Started(server, answer.status_code == HTTPStatus.ACCEPTED)

    def serve(
        self, wanted: StartServer, feed: Feed, show: Callable[[Server], object] = lambda _: None
    ) -> Started:
        """Start a server, or find it running, and wait until it answers.

        Args:
            wanted: what to run.
            feed: where changes are told.
            show: is given the record several times a second, the last one included.

        Raises:
            MLXManagerError: why it can't be started, or why it does not answer.
            KeyboardInterrupt: stopped waiting. A server that this call started is stopped first,
                and ``show`` sees it ``stopped``; one that was there before goes on.
        """
        with ThreadPoolExecutor(1) as aside:
            # Asked by another thread: an interrupt here must not leave us without the answer, for
            # then nobody would know what to stop.
            asked = aside.submit(self.start, wanted)
            try:
                started = asked.result()
                return Started(self.ready(started.server, feed, show), started.is_new)
            except (KeyboardInterrupt, SystemExit):
                with suppress(MLXManagerError):  # it was refused, or is gone
                    started = asked.result()
                    if started.is_new:
                        self.stop(started.server.name)
                        show(replace(started.server, state="stopped", pid=None, progress=None))
                raise

    def stop(self, name: str) -> None:
        """Stop a server, or dismiss a failed one. Returns when its processes are gone."""
        self._client.delete(_path(name))

    def restart(self, name: str) -> Server:
        """Stop a server and start it again; returns at once, as `start` does."""
        return self._client.call("POST", f"{_path(name)}/restart", Server)

    def ready(
        self, server: Server, feed: Feed, show: Callable[[Server], object] = lambda _: None
    ) -> Server:
        """Wait for an end of a start. What counts is asked for; events only say when to ask.

        Args:
            server: as `start` or `restart` answered.
            feed: where changes are told.
            show: is given the record several times a second, the last one included.

        Returns:
            The server, which answers.

        Raises:
            MLXManagerError: why it does not, with the last lines of its log.
        """
        changed = threading.Event()
        leave = feed.listen(lambda _: changed.set())
        try:
            while server.state in PASSING:
                show(server)
                changed.wait(LOOK_SECONDS)
                changed.clear()
                server = self.get(server.name)
        except UnknownServer:
            raise NotReady(f"{server.name} was stopped while it started.") from None
        finally:
            leave()
        show(server)
        if server.state != "ready":
            raise MLXManagerError.of(_why_not(server))
        return server

    def logs(self, name: str, lines: int = 200) -> Logs:
        """The last lines of the log of its latest run."""
        return self._client.call("GET", f"{_path(name)}/logs?lines={lines}", Logs)

    def follow(self, name: str, lines: int | None = None) -> Generator[LogRun | LogLine | LogEnd]:
        """Its log as it is written, until the server has ended for good; the last one says how.

        After a restart it goes on with the log of the new run. Close it to leave.

        Args:
            name: the server's.
            lines: begin with so many of the last ones; None for the whole log.

        Raises:
            UnknownServer: there is none of that name.
            ExtensionUnreachable: Jupyter ended before the server did.
        """
        from mlx_manager_jupyter.client.stream import frames  # noqa: PLC0415  with its transport
        from mlx_manager_jupyter.client.transport import chunks  # noqa: PLC0415  httpx2: slow

        since = "" if lines is None else f"&lines={lines}"
        with self._client.stream(f"{_path(name)}/logs?follow=true{since}") as response:
            for frame in frames(chunks(response)):
                if kind := _LOG_EVENTS.get(frame.event):
                    yield msgspec.json.decode(frame.data, type=kind)
                if frame.event == "end":
                    return
        raise ExtensionUnreachable(
            f"The log of {name} broke off: Jupyter has stopped.", "The server itself may go on."
        )


def _why_not(server: Server) -> Problem:
    problem = server.error or NotReady(f"{server.name} is {server.state}.").problem
    if server.retry_at is None:
        return problem
    return replace(problem, hint=f"{problem.hint or ''} It will be tried again by itself.".strip())


def _path(name: str) -> str:
    return f"servers/{quote(name, safe='')}"
