"""What people ask of downloads, and the events by which they see how it goes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.adapters.hub.errors import offline
from mlx_manager_jupyter.errors import Conflict, StoreUnusable, UnknownDownload
from mlx_manager_jupyter.schema import DownloadChanged, DownloadProgressed, DownloadRemoved
from mlx_manager_jupyter.services.downloads.job_view import Rate, record
from mlx_manager_jupyter.services.downloads.minder import Minder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from mlx_manager_jupyter.schema import Download, Event, StartDownload
    from mlx_manager_jupyter.services.downloads.job_view import Look
    from mlx_manager_jupyter.services.downloads.ledger import Ledger


class DownloadManager(LoggingConfigurable):
    """Knows every download of this user, whichever extension started it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        jobs: Path,
        cache: Path,
        environment: Mapping[str, str],
        max_running: int,
        limit: int | None,
        is_offline: bool,
        repo_id: Callable[[str], Awaitable[str]],
        publish: Callable[[Event], None],
        ended: Callable[[], None],
        **kwargs: object,
    ) -> None:
        """Hand over what it needs.

        Args:
            ledger: what the store says.
            jobs: folder of the job folders.
            cache: the Hugging Face cache that models go into.
            environment: of the workers; it has the token, which their command line must not.
            max_running: workers at a time.
            limit: bytes per second for all of them together; None for no limit.
            is_offline: the Hub is never asked, so nothing is started.
            repo_id: the repo that loose words mean; may ask the Hub, and refuses when offline.
            publish: takes events.
            ended: called when a download ended, for the models of this machine have changed.
            kwargs: traits.
        """
        super().__init__(**kwargs)
        self._ledger = ledger
        self._is_offline = is_offline
        self._repo_id = repo_id
        self._publish = publish
        self._ended = ended
        self._records: dict[str, Download] = {}
        self._looked = False
        self._rates: dict[str, Rate] = {}
        self._minder = Minder(
            ledger,
            jobs,
            cache=cache,
            environment=environment,
            max_running=max_running,
            limit=limit,
            offline=is_offline,
            seen=self._show,
            log=self.log,
        )

    async def open(self) -> None:
        """Adopt workers that live, and go on with what should run."""
        with suppress(StoreUnusable, OSError):  # the minder tries again, and says it
            await self._minder.look()
        await self._minder.open()

    async def close(self) -> None:
        """Stop minding; without another extension the workers end, and the next one goes on."""
        await self._minder.close()

    # --- reading --------------------------------------------------------------------------------

    @property
    def records(self) -> tuple[Download, ...]:
        """All downloads, oldest first, as of the last look."""
        return tuple(self._records.values())

    async def list(self) -> tuple[Download, ...]:
        """All downloads now, oldest first."""
        await self._minder.look()
        return self.records

    async def get(self, name: str) -> Download:
        """One download now.

        Raises:
            UnknownDownload: there is none of that id.
        """
        await self.list()
        if name not in self._records:
            raise UnknownDownload(f"There is no download {name!r}.", "See 'downloads' for them.")
        return self._records[name]

    def active(self) -> Collection[str]:
        """Models that are being downloaded, or shall be."""
        ended = ("done", "failed", "cancelled")
        return {item.model for item in self._records.values() if item.state not in ended}

    def resumable(self) -> Collection[str]:
        """Models whose unfinished files are of use: those of failed downloads too."""
        ended = ("done", "cancelled")
        return {item.model for item in self._records.values() if item.state not in ended}

    # --- commands -------------------------------------------------------------------------------

    async def start(self, wanted: StartDownload) -> tuple[Download, bool]:
        """Queue a download, or join the one there is; a paused or failed one goes on.

        Returns:
            Its record, and whether this call made it run.

        Raises:
            AmbiguousModel, UnknownModel: what the model's name may mean.
            Offline: the settings say that the Hub is never asked.
        """
        revision = None if wanted.revision == "main" else wanted.revision
        wanted = replace(wanted, model=await self._repo_id(wanted.model), revision=revision)
        stored, new = await self._minder.ask(wanted)
        return await self._changed(stored.name), new

    async def pause(self, name: str) -> Download:
        """Stop it where it is; it stays paused until somebody resumes it.

        Raises:
            UnknownDownload: there is none of that id.
            Conflict: it has ended.
        """
        stored = await asyncio.to_thread(self._ledger.intend, name, "pause")
        if stored.outcome:
            raise Conflict(f"The download of {stored.wanted.model} has ended: {stored.outcome}.")
        await self._minder.obey(name)
        return await self._changed(name)

    async def resume(self, name: str) -> Download:
        """Go on with a paused or failed one, where it stopped.

        Raises:
            UnknownDownload: there is none of that id.
            Conflict: it was cancelled, so that nothing is left to go on with.
            Offline: the settings say that the Hub is never asked.
        """
        if self._is_offline:
            raise offline()
        stored = await self._minder.resume(name)
        if stored.outcome == "cancelled" or stored.intent == "cancel":
            message = f"The download of {stored.wanted.model} was cancelled."
            raise Conflict(message, "Download the model again.")
        return await self._changed(name)

    async def delete(self, name: str) -> None:
        """Cancel an active one, and what it fetched goes; dismiss an ended one.

        Raises:
            UnknownDownload: there is none of that id.
        """
        stored = await asyncio.to_thread(self._ledger.intend, name, "cancel")
        if stored.outcome is None:
            await self._minder.obey(name)
        else:
            await self._minder.forget(name)
        await self._minder.look()

    # --- facts come up --------------------------------------------------------------------------

    async def _changed(self, name: str) -> Download:
        self._minder.wake()
        return await self.get(name)

    def _show(self, looks: Sequence[Look]) -> None:
        """Take in a look, and publish what is new in it."""
        before, news = self._records, self._looked
        self._looked = True
        self._records = {look.stored.name: self._record(look) for look in looks}
        ended = False
        for name, now in self._records.items():
            old = before.get(name)
            if old is None or _essence(old) != _essence(now):
                self._publish(DownloadChanged(download=now))
                known = old.finished_at if old else None
                ended |= news and now.finished_at != known
            elif old != now:
                self._publish(DownloadProgressed(download=now))
        for gone in before.keys() - self._records.keys():
            self._rates.pop(gone, None)
            self._publish(DownloadRemoved(download_id=gone))
        if ended:
            self._ended()

    def _record(self, look: Look) -> Download:
        name = look.stored.name
        if not look.running:
            self._rates.pop(name, None)
            still = record(look, None)
            waits = self._is_offline and still.state == "queued"
            return replace(still, error=offline().problem) if waits else still
        rate = self._rates.setdefault(name, Rate())
        return record(look, rate.add(look.state.bytes_done if look.state else 0))


def _essence(download: Download) -> Download:
    """What a viewer must not miss; the rest moves all the time."""
    return replace(download, bytes_done=0, rate=None, eta_seconds=None, files_done=0)
