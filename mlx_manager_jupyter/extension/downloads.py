"""``downloads``: jobs that bring models into the cache."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from mlx_manager_jupyter.extension.base import RecordHandler
from mlx_manager_jupyter.schema import StartDownload


class DownloadsHandler(RecordHandler):
    """``GET downloads`` and ``POST downloads``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """All downloads, oldest first."""
        self.answer(await self.managers.downloads.list())

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Queue one: 202, or 200 when it is under way already. Watch the events."""
        download, new = await self.managers.downloads.start(self.read(StartDownload))
        self.answer(download, 202 if new else 200)


class DownloadHandler(RecordHandler):
    """``GET downloads/{id}`` and ``DELETE downloads/{id}``."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """One download."""
        self.answer(await self.managers.downloads.get(name))

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Cancel it and remove what it fetched, or dismiss one that ended: 204."""
        await self.managers.downloads.delete(name)
        self.set_status(204)
        self.finish()


class PauseHandler(RecordHandler):
    """``POST downloads/{id}/pause``."""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Stop it where it is, until somebody resumes it."""
        self.answer(await self.managers.downloads.pause(name))


class ResumeHandler(RecordHandler):
    """``POST downloads/{id}/resume``."""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Go on where it stopped, or failed."""
        self.answer(await self.managers.downloads.resume(name))


HANDLERS = [
    (r"/downloads", DownloadsHandler),
    (r"/downloads/([^/]+)", DownloadHandler),
    (r"/downloads/([^/]+)/pause", PauseHandler),
    (r"/downloads/([^/]+)/resume", ResumeHandler),
]
