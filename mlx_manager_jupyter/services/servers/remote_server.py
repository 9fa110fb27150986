"""A server that is somebody else's: an OpenAI-compatible URL, asked but never started or ended."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.errors import UpstreamFailed
from mlx_manager_jupyter.services.servers.managed import ManagedServer
from mlx_manager_jupyter.services.servers.pulse import OK

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from mlx_manager_jupyter.adapters.engines import Engine
    from mlx_manager_jupyter.adapters.upstream import Upstream
    from mlx_manager_jupyter.schema import StoredServer

#: HTTP statuses by which a server asks for another key.
KEY_WANTED = frozenset({401, 403})


class RemoteServer(ManagedServer):
    """Ready while ``GET {base_url}/models`` answers, and failed, with the reason, while not."""

    def __init__(
        self,
        stored: StoredServer,
        engine: Engine,
        upstream: Upstream,
        *,
        on_change: Callable[[ManagedServer], None],
        on_ready: Callable[[ManagedServer], Coroutine[None, None, None]],
        interval: float,
        timeout: float,
    ) -> None:
        """``interval`` and ``timeout`` are of the requests that ask how it is, in seconds."""
        super().__init__(stored, engine, on_change)
        self._upstream = upstream
        self._on_ready = on_ready
        self._interval = interval
        self._timeout = timeout

    async def launch(self, env: Mapping[str, str]) -> None:  # noqa: ARG002  nothing is started
        """Begin to ask how it is."""
        self.stored = replace(self.stored, started_at=datetime.now(UTC))
        self.adopt()

    def adopt(self) -> None:
        """Begin to ask how it is."""
        self._spawn_task(self._watch())

    async def stop(self) -> None:
        """Forget it; it goes on without us."""
        self._state = "stopped"
        self._end_tasks()

    async def detach(self) -> None:
        """Ask no more."""
        self._end_tasks()

    async def examine(self, timeout: float) -> None:  # noqa: ASYNC109  of the request, not of us
        """Ask whether it answers, and show it as ready or failed accordingly."""
        problem = await self._complaint(timeout)
        if self._state == "stopped":
            return
        if problem is None:
            if self._state != "ready":
                await self._becomes_ready()
        elif self._state != "failed" or self._problem != problem.problem:
            self.pulse.health = None
            self.fail(problem.problem)

    async def _watch(self) -> None:
        while True:
            await self.examine(self._timeout)
            if self._state == "failed":
                due = datetime.now(UTC) + timedelta(seconds=self._interval)
                self.stored = replace(self.stored, retry_at=due)
            await asyncio.sleep(self._interval)

    async def _becomes_ready(self) -> None:
        self._state = "ready"
        self.pulse.health = "ok"
        ready_at = self.stored.ready_at or datetime.now(UTC)
        self.stored = replace(self.stored, retry_at=None, ready_at=ready_at)
        self.changed()
        await self._on_ready(self)

    async def _complaint(self, timeout: float) -> UpstreamFailed | None:  # noqa: ASYNC109
        url = self.engine.url(self.stored, self.engine.health(self.stored).path)
        try:
            async with asyncio.timeout(timeout):
                answer = await self._upstream.send(url, headers=self.engine.headers(self.stored))
        except TimeoutError:
            return UpstreamFailed(
                f"{url} does not answer within {timeout:g} s.", "Is it running, and reachable?"
            )
        except UpstreamFailed as error:
            return UpstreamFailed(
                f"{url} can't be reached: {error.message}", "Is it running? Correct 'base_url'."
            )
        with contextlib.closing(answer):
            return None if answer.status == OK else self._refused(url, answer.status)

    def _refused(self, url: str, status: int) -> UpstreamFailed:
        if status not in KEY_WANTED:
            hint = "'base_url' is the part before /models, often …/v1."
            return UpstreamFailed(f"{url} answers with the status {status}.", hint)
        variable = self.stored.profile.api_key_env
        if variable is None:
            hint = "Name the environment variable that holds the key in 'api_key_env'."
        elif not self.engine.headers(self.stored):
            hint = f"The environment variable {variable!r} is not set where Jupyter runs."
        else:
            hint = f"Put a valid key into the environment variable {variable!r}."
        return UpstreamFailed(f"{url} wants another key (status {status}).", hint)
