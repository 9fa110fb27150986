"""What people ask about engines, and the events by which they see how it goes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from traitlets import Enum, Float
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.errors import Conflict, InstallFailed, MLXManagerError, UnknownJob
from mlx_manager_jupyter.schema import EngineJobChanged, EnginesChanged
from mlx_manager_jupyter.services.engines.job import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.adapters.environments.builders import Choice
    from mlx_manager_jupyter.schema import (
        EngineJob,
        EngineKind,
        Event,
        InstalledEngine,
        InstallEngine,
    )
    from mlx_manager_jupyter.services.engines.installing import Installer

#: Ended jobs that are still listed.
KEPT = 20


class EngineManager(LoggingConfigurable):
    """Knows the engines of this machine, and the jobs of this extension that change them.

    Jobs go on whoever looks, and end with the extension: a killed one leaves what was in use.
    """

    installer = Enum(
        ("auto", "uv", "pip"),
        default_value="auto",
        help="What makes environments for engines: uv where it is found, else venv and pip.",
    ).tag(config=True)
    smoke_timeout = Float(
        300.0,
        min=1.0,
        help="Seconds that a new engine may take to answer before it counts as broken: the first "
        "start of a large one compiles it.",
    ).tag(config=True)

    def __init__(
        self,
        *,
        installer: Installer,
        look: Callable[[], tuple[InstalledEngine, ...]],
        publish: Callable[[Event], None],
        **kwargs: object,
    ) -> None:
        """Hand over what it needs.

        Args:
            installer: does what is asked.
            look: finds the engines of this machine; blocks for seconds the first time.
            publish: takes events.
            kwargs: traits.
        """
        super().__init__(**kwargs)
        self._installer = installer
        self._look = look
        self._publish = publish
        self._engines: tuple[InstalledEngine, ...] = ()
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._looking = asyncio.Lock()

    async def close(self) -> None:
        """Cancel what runs, and wait until nothing of it is left."""
        for name in tuple(self._tasks):
            await self._end(name)

    # --- reading --------------------------------------------------------------------------------

    @property
    def records(self) -> tuple[InstalledEngine, ...]:
        """All engines, as of the last look; empty before the first."""
        return self._engines

    @property
    def jobs(self) -> tuple[EngineJob, ...]:
        """Jobs of this extension, oldest first, the latest ended ones included."""
        return tuple(job.record for job in self._jobs.values())

    async def list(self) -> tuple[InstalledEngine, ...]:
        """All engines now."""
        async with self._looking:
            found = await asyncio.to_thread(self._look)
            if found != self._engines:
                self._engines = found
                self._publish(EnginesChanged(engines=found))
            return found

    def job(self, name: str) -> EngineJob:
        """One job.

        Raises:
            UnknownJob: there is none of that id.
        """
        return self._job(name).record

    # --- commands -------------------------------------------------------------------------------

    def start(self, wanted: InstallEngine) -> tuple[EngineJob, bool]:
        """Begin a job, or join the one that does the same already.

        Returns:
            Its record, and whether this call began it. Watch the events.

        Raises:
            MLXManagerError: what can be known beforehand to fail.
            Conflict: another job works on the same engine.
        """
        if running := self._running(wanted.kind):
            if running.wanted == wanted:
                return running.record, False
            raise Conflict(
                f"{wanted.kind} is being changed already: {running.record.stage}.",
                "Wait for it, or cancel it.",
            )
        self._installer.check(wanted)
        log = self._installer.folder(wanted.kind).path / "install.log"
        job = Job(wanted, lambda record: self._publish(EngineJobChanged(job=record)), log)
        self._jobs[job.record.id] = job
        self._forget_old()
        self._tasks[job.record.id] = asyncio.create_task(self._run(job))
        return job.record, True

    async def cancel(self, name: str) -> None:
        """End a job, and what it began goes; an ended one is listed no longer.

        Raises:
            UnknownJob: there is none of that id.
        """
        if self._job(name).running:
            await self._end(name)
        else:
            del self._jobs[name]

    # --- one job --------------------------------------------------------------------------------

    async def _run(self, job: Job) -> None:
        name = job.record.id
        try:
            await self._installer.run(
                job, choice=cast("Choice", self.installer), smoke_seconds=self.smoke_timeout
            )
        except asyncio.CancelledError:
            job.end("cancelled")
            raise
        except MLXManagerError as error:
            self.log.warning("%s of %s failed: %s", job.wanted.action, job.wanted.kind, error)
            job.end("failed", error.problem)
        except Exception as error:
            self.log.exception("%s of %s failed", job.wanted.action, job.wanted.kind)
            problem = InstallFailed(
                f"{type(error).__name__}: {error}", "See Jupyter's log."
            ).problem
            job.end("failed", problem)
        else:
            await self.list()  # before it is done, so that who waits for that finds the new one
            job.end("done")
        finally:
            del self._tasks[name]

    async def _end(self, name: str) -> None:
        task = self._tasks.get(name)
        if task:
            task.cancel()
            await asyncio.wait([task])

    def _running(self, kind: EngineKind) -> Job | None:
        jobs = (job for job in self._jobs.values() if job.running and job.wanted.kind == kind)
        return next(jobs, None)

    def _job(self, name: str) -> Job:
        if found := self._jobs.get(name):
            return found
        raise UnknownJob(f"There is no job {name!r}.", "Jobs are forgotten with their Jupyter.")

    def _forget_old(self) -> None:
        ended = [name for name, job in self._jobs.items() if not job.running]
        for name in ended[:-KEPT]:
            del self._jobs[name]
