"""The state machine of one engine process."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, TypeVar, Unpack

from msgspec.structs import replace

from mlx_manager_jupyter.adapters.process.group import Group
from mlx_manager_jupyter.adapters.process.identity import is_alive
from mlx_manager_jupyter.adapters.process.records import Failure, ProcessFailed, ProcessGone
from mlx_manager_jupyter.adapters.process.run_log import RunLog
from mlx_manager_jupyter.adapters.process.spawn import exited, spawn
from mlx_manager_jupyter.adapters.process.supervision import Supervision

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mlx_manager_jupyter.adapters.process.records import Launch, ProcessState
    from mlx_manager_jupyter.schema import Identity

_Answer = TypeVar("_Answer")

#: Seconds that a process without living members may take to become one that can be reaped.
_REAP_SECONDS = 5.0
_COMING_UP = ("starting", "loading")


class Watching(TypedDict):
    """How a process is watched: the keyword arguments of `EngineProcess`."""

    probe: Callable[[], Awaitable[bool]]
    fatal: Callable[[str], bool]
    on_change: Callable[[EngineProcess], None]
    load_timeout: NotRequired[float]
    grace: NotRequired[float]


class EngineProcess:
    """One run of one engine, from spawn to a verified end.

    One task owns the state. Methods ask it and wait for its answer; supervision is its child and
    reports to it the same way. Reading ``state`` is fine for showing it, never for deciding.

    ========  =========================  ============================  ===========================
    state     what is true               start()                       stop()
    ========  =========================  ============================  ===========================
    stopped   no process of this run     spawns → starting, but only   it won't start any more
                                     the first time
    starting  the process exists         same identity again           ends it → stopping, stopped
    loading   its port accepts           same                          same
    ready     the probe said yes         same                          same
    stopping  it was told to end         waits, then `ProcessFailed`   waits, then nothing to do
    failed    see ``failure``            `ProcessFailed`               ends what is left → stopped
    ========  =========================  ============================  ===========================

    A failed process is ended, with its whole group, before the state says ``failed``; if even that
    fails the detail names what is left, and another stop() tries again. A run that has ended is
    not started again: make a new object, with a new log.

    Args:
        launch: What to start.
        probe: Asks the engine whether it answers for its model; may take as long as the load.
            False and OSError mean not yet; any other error ends the process.
        fatal: Whether a log line means that the engine will never be ready. Called in a thread.
        on_change: Called in the loop after each change of state, with this object.
        load_timeout: Seconds from start to ready.
        grace: Seconds between SIGTERM, SIGINT and SIGKILL.
    """

    def __init__(
        self,
        launch: Launch,
        *,
        probe: Callable[[], Awaitable[bool]],
        fatal: Callable[[str], bool],
        on_change: Callable[[EngineProcess], None],
        load_timeout: float = 600.0,
        grace: float = 2.0,
    ) -> None:
        self.launch = launch
        self.failure: Failure | None = None
        self.ready_seconds: float | None = None
        """Seconds from spawn to ready; None until then, and for an adopted process."""
        self._probe = probe
        self._on_change = on_change
        self._load_timeout = load_timeout
        self._grace = grace
        self._state: ProcessState = "stopped"
        self._log = RunLog(launch.log, fatal)
        self._group: Group | None = None
        self._spawned_at: float | None = None
        self._settled = asyncio.Event()  # ready, or ended
        self._inbox: asyncio.Queue[tuple[Callable[[], Awaitable[Any]], asyncio.Future[Any]]] = (
            asyncio.Queue()
        )
        self._owner: asyncio.Task[None] | None = None
        self._supervision: asyncio.Task[Failure] | None = None

    @property
    def state(self) -> ProcessState:
        """Where it is now."""
        return self._state

    @property
    def identity(self) -> Identity | None:
        """Which process it is; None before the spawn, kept after the end."""
        return self._group.leader if self._group else None

    @classmethod
    def adopt(
        cls, identity: Identity, launch: Launch, **watching: Unpack[Watching]
    ) -> EngineProcess:
        """Supervise a process that runs already and is not our child; call it inside the loop.

        It passes through the same states, so it is ready when it has answered. How it exits can't
        be known. Raises `ProcessGone` unless exactly this process lives.
        """
        if not is_alive(identity):
            raise ProcessGone(f"Process {identity.pid} is gone, or is another one by now.")
        adopted = cls(launch, **watching)
        adopted._log.skip_to_tail()
        adopted._supervise(Group(identity, marker=launch.marker))
        return adopted

    async def start(self) -> Identity:
        """Spawn and return at once. Raises `ProcessFailed` if that can't be, or if it has ended."""
        return await self._post(self._start)

    async def wait_ready(self) -> None:
        """Wait until it is ready. Raises `ProcessFailed`. Cancelling the wait changes nothing."""
        await self._settled.wait()
        if self._state != "ready":
            raise ProcessFailed(self.failure or _ended())

    async def stop(self) -> None:
        """End the process; return once its whole group is gone and its port is free.

        Raises `ProcessFailed`, and leaves the state at ``failed``, if that can't be reached.
        """
        await self._post(self._stop)

    async def give_up(self, detail: str) -> None:
        """End a process that is alive but of no use; then it has failed, as ``silent``.

        ``detail`` says in one line what was seen. Nothing happens if it has ended by then.
        """
        await self._post(lambda: self._give_up(detail))

    async def detach(self) -> None:
        """Stop watching and leave the process running. The state stays as it was last seen."""
        await self._post(self._detach)

    def tail(self, lines: int = 50) -> list[str]:
        """The last lines of the log, oldest first, without colours; at most 2,000 are kept."""
        return self._log.tail(lines)

    def pids(self) -> list[int]:
        """The living members of its group. Blocks for some milliseconds: call it in a thread."""
        return [member.pid for member in self._group.living()] if self._group else []

    # --- the owner ----------------------------------------------------------------------------

    def _post(self, action: Callable[[], Awaitable[_Answer]]) -> asyncio.Future[_Answer]:
        answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait((action, answer))
        if self._owner is None or self._owner.done():
            self._owner = asyncio.create_task(self._own(), name=f"owner of {self.launch.argv[0]}")
        return answer

    async def _own(self) -> None:
        """Do one thing after the other, until there is nothing to do and nothing to watch."""
        while self._supervision or not self._inbox.empty():
            action, answer = await self._inbox.get()
            try:
                result = await action()
            except Exception as error:  # noqa: BLE001  it belongs to whoever asked
                if not answer.done():
                    answer.set_exception(error)
            else:
                if not answer.done():  # nobody waits any more
                    answer.set_result(result)

    async def _start(self) -> Identity:
        if self._group is not None and self._state in (*_COMING_UP, "ready"):
            return self._group.leader
        if self._settled.is_set():
            raise ProcessFailed(self.failure or _ended())
        self._become("starting")
        self._spawned_at = asyncio.get_running_loop().time()
        try:
            identity = await asyncio.to_thread(spawn, self.launch)
        except ProcessFailed as error:
            self._fail(error.failure)
            raise
        self._supervise(Group(identity, is_session_leader=True, marker=self.launch.marker))
        return identity

    async def _stop(self) -> None:
        await self._unwatch()
        if self._group is not None and self._state != "stopped":
            self._become("stopping")
            try:
                await self._end(self._group)
            except ProcessFailed as error:
                self._fail(error.failure)
                raise
        self._become("stopped")

    async def _detach(self) -> None:
        await self._unwatch()
        self._settled.set()

    async def _unwatch(self) -> None:
        supervision, self._supervision = self._supervision, None
        if supervision is not None:
            supervision.cancel()
            await asyncio.wait([supervision])

    async def _opened(self) -> None:
        if self._supervision is not None:
            self._become("loading")

    async def _answered(self) -> None:
        if self._supervision is None:
            return
        if self._spawned_at is not None:
            self.ready_seconds = asyncio.get_running_loop().time() - self._spawned_at
        self._become("ready")

    async def _failed(self, supervision: asyncio.Task[Failure], failure: Failure) -> None:
        if self._supervision is not supervision or self._group is None:
            return  # a stop came first
        self._supervision = None
        await self._end_failed(self._group, failure)

    async def _give_up(self, detail: str) -> None:
        if self._supervision is None or self._group is None:
            return
        await self._unwatch()
        await self._end_failed(self._group, Failure(kind="silent", detail=detail))

    async def _end_failed(self, group: Group, failure: Failure) -> None:
        try:
            await self._end(group)
        except ProcessFailed as error:
            failure = replace(failure, detail=f"{failure.detail} {error.failure.detail}")
        self._fail(failure)

    async def _end(self, group: Group) -> None:
        try:
            await group.end(self.launch.host, self.launch.port, self._grace)
            # Its exit status can be taken only once its last thread has gone: not at once.
            with suppress(TimeoutError):
                async with asyncio.timeout(_REAP_SECONDS):
                    await exited(group.leader)
        finally:
            await asyncio.to_thread(self._log.read_all)

    def _fail(self, failure: Failure) -> None:
        self.failure = failure
        self._become("failed")

    def _become(self, state: ProcessState) -> None:
        if state != self._state:
            self._state = state
            # Not called from here: an error in there must not end the task that owns the process.
            asyncio.get_running_loop().call_soon(self._on_change, self)
        if state in ("ready", "failed", "stopped"):
            self._settled.set()  # last, so that on_change runs before those who wait go on

    # --- its child, which watches and reports ---------------------------------------------------

    def _supervise(self, group: Group) -> None:
        self._group = group
        self._become("starting")
        supervision = Supervision(
            group,
            self.launch,
            self._log,
            probe=self._probe,
            load_timeout=self._load_timeout,
            opened=lambda: self._post(self._opened),
            answered=lambda: self._post(self._answered),
        )
        self._supervision = asyncio.create_task(supervision.watch())
        self._supervision.add_done_callback(self._report)

    def _report(self, supervision: asyncio.Task[Failure]) -> None:
        if supervision.cancelled():
            return
        if (error := supervision.exception()) is None:
            failure = supervision.result()
        else:
            failure = Failure(kind="timeout", detail=f"Nobody can tell if it is ready: {error!r}")
        self._post(lambda: self._failed(supervision, failure))


def _ended() -> Failure:
    return Failure(kind="exited", detail="It was stopped, or nobody watches it any more.")
