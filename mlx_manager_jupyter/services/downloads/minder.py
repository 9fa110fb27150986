"""The one task that starts workers, follows them, and writes down how they ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from mlx_manager_jupyter.adapters.hub.worker.job import Job, JobSpec
from mlx_manager_jupyter.errors import DownloadFailed, MLXManagerError, StoreUnusable
from mlx_manager_jupyter.services.downloads.job_view import Look
from mlx_manager_jupyter.services.downloads.ledger import is_outdated, key
from mlx_manager_jupyter.services.downloads.retry import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from logging import Logger
    from pathlib import Path

    from mlx_manager_jupyter.schema import StartDownload, StoredDownload
    from mlx_manager_jupyter.services.downloads.ledger import Ledger

#: Seconds between two looks while something runs here or elsewhere, and while nothing does.
BUSY, IDLE = 0.25, 1.0


class Minder:
    """Makes what runs agree with what is wanted, from `open` to `close`.

    Any extension may stop a worker; only the one that minds it starts it and settles its end.
    """

    def __init__(
        self,
        ledger: Ledger,
        jobs: Path,
        *,
        cache: Path,
        environment: Mapping[str, str],
        max_running: int,
        limit: int | None,
        offline: bool,
        seen: Callable[[Sequence[Look]], None],
        log: Logger,
    ) -> None:
        """``jobs`` is the folder of all job folders; ``seen`` is told every look.

        ``offline``: nothing is started, and what nobody else minds is stopped.
        """
        self._ledger = ledger
        self._folder = jobs
        self._cache = cache
        self._environment = environment
        self._max_running = max_running
        self._limit = limit
        self._offline = offline
        self._seen = seen
        self._log = log
        self._jobs: dict[str, Job] = {}
        self._began_at: dict[str, int] = {}
        """Bytes on disk when our run of a job began: the difference says whether it got on."""
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._looking = asyncio.Lock()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._told = ""

    async def open(self) -> None:
        """Take over what an earlier extension left, and go on."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Leave the workers to other extensions; without any, they stop until one comes."""
        self._closing = True
        self._wake.set()
        if self._task:  # not cancelled: what a thread is at goes on, and might be a launch
            await asyncio.wait([self._task])
        last = True  # if nobody can say: the next extension goes on with what is stopped
        try:
            last = await asyncio.to_thread(self._ledger.release)
        except StoreUnusable as error:
            self._tell(error)
        if last:
            stops = [asyncio.to_thread(job.stop) for job in tuple(self._jobs.values())]
            for failed in await asyncio.gather(*stops, return_exceptions=True):
                if failed is not None:
                    self._log.warning("downloads: %s", failed)

    def wake(self) -> None:
        """Look again at once: something was asked for."""
        self._wake.set()

    async def look(self) -> list[Look]:
        """All jobs now; ``seen`` is told too, in the order of the looks."""
        async with self._looking:
            looks = await asyncio.to_thread(self._look)
            self._seen(looks)
            return looks

    async def ask(self, wanted: StartDownload) -> tuple[StoredDownload, bool]:
        """As `Ledger.ask`, after what is being done to the job."""
        async with self._turn(key(wanted)):
            return await asyncio.to_thread(self._ledger.ask, wanted, self._discard)

    async def resume(self, name: str) -> StoredDownload:
        """As `Ledger.intend`, after what is being done to the job."""
        async with self._turn(name):
            return await asyncio.to_thread(self._ledger.intend, name, "run")

    async def obey(self, name: str) -> None:
        """Do what is wanted of a job that shall not run; returns when that is so.

        Raises:
            DownloadFailed: its worker can't be stopped.
        """
        async with self._turn(name):
            await asyncio.to_thread(self._obey, name)

    async def forget(self, name: str) -> None:
        """Remove an ended job, its folder and its record."""
        async with self._turn(name):
            await asyncio.to_thread(self._ledger.forget, name, self._discard)

    # --- the task -------------------------------------------------------------------------------

    async def _run(self) -> None:
        while not self._closing:
            self._wake.clear()  # before the look, which may miss what is asked for meanwhile
            busy = False
            try:
                busy = await self._round()
                self._told = ""
            except Exception as error:  # noqa: BLE001  without this task nothing is downloaded
                self._tell(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(BUSY if busy else IDLE):
                    await self._wake.wait()

    async def _round(self) -> bool:
        looks = await self.look()
        for look in looks:
            await self._see_to(look)
        now = datetime.now(UTC)
        if self._may_claim(looks, now):
            running = [look.stored.name for look in looks if look.running]
            claimed = await asyncio.to_thread(self._ledger.claim, running, self._max_running, now)
            for stored in claimed:
                await self._start(stored)
            looks = await self.look()
        for look in looks:
            if is_outdated(look.stored, now):
                await self.forget(look.stored.name)
        if any(look.running for look in looks):
            await asyncio.to_thread(self._share_limit, looks)
        return any(look.stored.outcome is None and look.stored.intent == "run" for look in looks)

    async def _see_to(self, look: Look) -> None:
        stored, running = look.stored, look.running
        stray = self._offline and running and not look.minded
        if stored.outcome is not None or stray:
            unfinished = running  # another extension cancelled it while it was launched
        elif stored.intent == "run":
            if stored.owner == self._ledger.me and not running:
                await self._settle(look)
            return
        else:
            unfinished = running or stored.owner is not None or stored.intent == "cancel"
        if unfinished and not self._closing:
            try:
                await self.obey(stored.name)
            except DownloadFailed as error:  # which must not hold up the others
                self._tell(error)

    async def _start(self, stored: StoredDownload) -> None:
        async with self._turn(stored.name):
            if self._closing:
                return
            try:
                await asyncio.to_thread(self._launch, stored)
            except (OSError, MLXManagerError) as error:
                self._log.warning("the download of %s can't start: %s", stored.wanted.model, error)
                failed = settled(stored, None, progressed=False, now=datetime.now(UTC))
                await asyncio.to_thread(self._ledger.settle, stored, **failed)

    async def _settle(self, look: Look) -> None:
        stored, state = look.stored, look.state
        before = self._began_at.pop(stored.name, 0)
        progressed = state is not None and state.bytes_done > before
        changes = settled(stored, state, progressed=progressed, now=datetime.now(UTC))
        if await asyncio.to_thread(self._ledger.settle, stored, **changes):
            error = changes["error"]
            if error:
                self._log.warning("the download of %s: %s", stored.wanted.model, error.message)

    def _turn(self, name: str) -> asyncio.Lock:
        """What is done to one job happens one after the other."""
        return self._locks.setdefault(name, asyncio.Lock())

    def _tell(self, error: Exception) -> None:
        """Log what goes wrong round after round once."""
        if str(error) != self._told:
            self._told = str(error)
            expected = isinstance(error, OSError | MLXManagerError)
            self._log.warning("downloads: %s", error, exc_info=None if expected else error)

    # --- blocking -------------------------------------------------------------------------------

    def _job(self, name: str) -> Job:
        return self._jobs.setdefault(name, Job(self._folder / name))

    def _look(self) -> list[Look]:
        looks = []
        for stored in self._ledger.list():
            job = self._job(stored.name)
            minded = self._ledger.is_minded(stored)
            running = job.is_running()  # first: what a worker said before it ended is its last word
            looks.append(Look(stored, job.state(), running=running, minded=minded))
        return looks

    def _launch(self, stored: StoredDownload) -> None:
        job = self._job(stored.name)
        if self._ledger.get(stored.name) != stored or job.is_running():
            return
        state = job.state()
        self._began_at[stored.name] = state.bytes_done if state else 0
        wanted = stored.wanted
        job.write(
            JobSpec(
                model=wanted.model,
                revision=wanted.revision,
                all=wanted.all,
                include=wanted.include,
                exclude=wanted.exclude,
                transport=wanted.transport,
                cache=str(self._cache),
            )
        )
        job.launch(self._environment)

    def _obey(self, name: str) -> None:
        stored = self._ledger.get(name)
        if stored.outcome is None and stored.intent == "run" and not self._offline:
            return
        job = self._job(name)
        job.stop()
        state = job.state()
        if stored.outcome is None and state and state.stage == "done":  # before it was stopped
            now = datetime.now(UTC)
            self._ledger.settle(stored, **settled(stored, state, progressed=True, now=now))
        elif stored.intent == "cancel":
            self._ledger.cancel(name, self._discard)
        elif stored.owner is not None:
            self._ledger.settle(stored)

    def _discard(self, name: str) -> None:
        self._job(name).discard()
        self._jobs.pop(name, None)

    def _may_claim(self, looks: Sequence[Look], now: datetime) -> bool:
        """Whether asking for more is worth a transaction, which alone decides."""
        if self._offline or self._closing:
            return False
        active = [look for look in looks if look.stored.outcome is None]
        wanted = [look for look in active if look.stored.intent == "run"]
        free = [look for look in wanted if not look.minded]
        room = len(wanted) - len(free) < self._max_running
        return any(look.running or (room and (look.stored.retry_at or now) <= now) for look in free)

    def _share_limit(self, looks: Sequence[Look]) -> None:
        """The limit is for all together, so each running job gets its part of it. Blocking."""
        running = [look.stored for look in looks if look.running]
        for stored in running:
            if stored.owner == self._ledger.me:
                share = self._limit // len(running) if self._limit else None
                with suppress(FileNotFoundError):  # somebody deleted the job's folder
                    self._job(stored.name).set_limit(share)
