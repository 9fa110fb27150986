"""One server: its settings, its use, and the record that the world sees."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.schema import Progress, Server
from mlx_manager_jupyter.services.servers.pulse import Pulse
from mlx_manager_jupyter.services.servers.use import Use

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from mlx_manager_jupyter.adapters.engines import Engine
    from mlx_manager_jupyter.schema import Problem, ServerState, StoredServer

#: What another extension may decide about a run that we know, too.
DECIDED = ("profile", "profile_name", "keep", "owner", "leaving_until", "ttl")
#: What is found out about a run once, and then stays true.
FACTS = frozenset({"process", "started_at", "ready_at"})


class ManagedServer(ABC):
    """A server, whatever answers for it: a process of ours, or somebody else's machine.

    ``on_change`` hears of every change of `record`.
    """

    shared: tuple[str, ...] = DECIDED
    """The fields in which the store knows better than we do."""

    def __init__(
        self, stored: StoredServer, engine: Engine, on_change: Callable[[ManagedServer], None]
    ) -> None:
        self.stored = stored
        self.engine = engine
        self.use = Use(stored.last_used_at)
        self.pulse = Pulse()
        self.restart_to_apply = False
        """The saved profile says something else by now."""
        self.leaving = False
        """It is about to be ended: no request may begin any more."""
        self.lost_ports: frozenset[int] = frozenset()
        """Ports that another program took before the engine could."""
        self._on_change = on_change
        self._state: ServerState = "starting"
        self._problem: Problem | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what is true of it ---------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What users type."""
        return self.stored.name

    @property
    def alive(self) -> bool:
        """Whether its process runs, as far as we know."""
        return self._state in {"starting", "loading", "ready"}

    @property
    def ready(self) -> bool:
        """Whether it answers, and is to be asked."""
        until = self.stored.leaving_until
        announced = until is not None and datetime.now(UTC) < until
        return self._state == "ready" and not self.leaving and not announced

    @property
    def ended(self) -> bool:
        """Whether nothing of this run is left, nor will be."""
        return self._state in {"stopped", "failed"}

    @property
    def will_retry(self) -> bool:
        """Whether it failed, and is to be started again."""
        return self._state == "failed" and self.stored.retry_at is not None

    @property
    def problem(self) -> Problem | None:
        """What went wrong, if it failed."""
        return self._problem if self._state == "failed" else None

    @property
    def ready_seconds(self) -> float | None:
        """Seconds from spawn to the first answer, if that was seen."""
        return None

    def record(self) -> Server:
        """What the world sees."""
        stored, failed = self.stored, self._state == "failed"
        return Server(
            name=stored.name,
            model=stored.profile.model,
            engine=stored.engine,
            engine_version=stored.engine_version,
            state=self._state,
            pid=stored.process.pid if stored.process and self.alive else None,
            port=stored.port if stored.argv and not stored.base_url else None,
            base_url=stored.base_url,
            profile=stored.profile_name,
            revision=stored.revision,
            aliases=stored.profile.aliases,
            size_bytes=stored.size_bytes,
            keep=stored.keep,
            pinned=stored.profile.pinned,
            idle_unload_seconds=self.idle_unload_seconds,
            started_at=stored.started_at,
            ready_seconds=self.ready_seconds,
            last_used_at=self.use.last_at,
            health=self.pulse.health if self._state == "ready" else None,
            progress=self._progress(),
            note=stored.note,
            error=self.problem,
            restarts=stored.restarts,
            retry_at=stored.retry_at if failed else None,
            restart_to_apply=self.restart_to_apply,
        )

    def pids(self) -> list[int]:
        """Its living processes on this machine (blocking: call it in a thread)."""
        return []

    def tail(self, lines: int) -> list[str]:  # noqa: ARG002  those that have a log
        """The log's last lines, oldest first."""
        return []

    # --- what is done to it ---------------------------------------------------------------------

    @abstractmethod
    async def launch(self, env: Mapping[str, str]) -> None:
        """Bring it about, and return as soon as `stored` says what there is.

        Raises:
            MLXManagerError: when that can't be.
        """

    @abstractmethod
    def adopt(self) -> None:
        """Watch what runs already.

        Raises:
            ProcessGone: when it is no more.
        """

    @abstractmethod
    async def stop(self) -> None:
        """End it; returns when nothing of it is left.

        Raises:
            EngineCrashed: naming what is left, if not even SIGKILL ended it. It is shown as failed.
        """

    @abstractmethod
    async def detach(self) -> None:
        """Leave it running and stop watching it."""

    @abstractmethod
    async def examine(self, timeout: float) -> None:  # noqa: ASYNC109  of the request, not of us
        """Ask a ready one whether it is well; `pulse` says what came of it."""

    async def give_up(self, detail: str) -> None:  # noqa: B027  nothing of ours to be ended
        """End one that runs and is of no use: it fails then."""

    def learn(self, stored: StoredServer) -> bool:
        """Take in what the store says by now of this very run; whether that was news."""
        self.use.heard(stored.last_used_at)
        said = {field: getattr(stored, field) for field in self.shared}
        # What we found out a moment ago may not be written yet.
        behind = {field for field in FACTS if said.get(field) is None}
        news = {field: value for field, value in said.items() if field not in behind}
        known = replace(self.stored, **news)
        if known == self.stored:
            return False
        self.stored = known
        if self._state == "failed" and known.error is not None:
            self._problem = known.error
        self.changed()
        return True

    def let_go(self) -> None:
        """Have nothing more to do with it."""
        self._end_tasks()

    def fail(self, problem: Problem) -> None:
        """Show it as failed."""
        self._state, self._problem = "failed", problem
        self.changed()

    def changed(self) -> None:
        """Tell the world what it is like now."""
        self._on_change(self)

    def mark(self, *, restart_to_apply: bool) -> None:
        """Note whether its saved profile was edited since it started."""
        if self.restart_to_apply != restart_to_apply:
            self.restart_to_apply = restart_to_apply
            self.changed()

    @property
    def idle_unload_seconds(self) -> float | None:
        """Seconds without use after which it is ended: as a request said, else as the profile."""
        ttl = self.stored.ttl if self.use.ttl is None else self.use.ttl
        return self.stored.profile.idle_unload_seconds if ttl is None else ttl

    def idle_since(self) -> datetime | None:
        """Since when nobody has used it; None unless it is ready and no request may go on."""
        began = self.stored.ready_at
        up = self._state == "ready" and not self.leaving
        if not up or self.use.going_on or began is None:
            return None
        return self.use.idle_since(began)

    # --- for those that it is made of -----------------------------------------------------------

    def _progress(self) -> Progress | None:
        return None

    def _spawn_task(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end_tasks(self) -> None:
        for task in tuple(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()
