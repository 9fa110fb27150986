"""``engines``: the programs that run models, and jobs that install them."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from mlx_manager_jupyter.extension.base import RecordHandler
from mlx_manager_jupyter.schema import InstallEngine


class EnginesHandler(RecordHandler):
    """``GET engines`` and ``POST engines``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """All engines of this machine; those that run models are ``selected``."""
        self.answer(await self.managers.engines.list())

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Install, upgrade, roll back or remove one: 202, or 200 when that goes on already."""
        job, new = self.managers.engines.start(self.read(InstallEngine))
        self.answer(job, 202 if new else 200)


class JobsHandler(RecordHandler):
    """``GET engines/jobs``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The jobs of this Jupyter server, oldest first."""
        self.answer(self.managers.engines.jobs)


class JobHandler(RecordHandler):
    """``GET engines/jobs/{id}`` and ``DELETE engines/jobs/{id}``."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """One job."""
        self.answer(self.managers.engines.job(name))

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Cancel it: 204 once nothing of it is left. Of an ended one: list it no longer."""
        await self.managers.engines.cancel(name)
        self.set_status(204)
        self.finish()


HANDLERS = [
    (r"/engines", EnginesHandler),
    (r"/engines/jobs", JobsHandler),
    (r"/engines/jobs/([^/]+)", JobHandler),
]
