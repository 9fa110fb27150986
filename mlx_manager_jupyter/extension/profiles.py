"""``profiles``: saved ways to run a model."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from mlx_manager_jupyter.extension.base import RecordHandler


class ProfilesHandler(RecordHandler):
    """``GET profiles`` and ``POST profiles``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """All profiles."""
        self.answer(await self.managers.profiles.list())

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Save a new one."""
        self.answer(await self.managers.profiles.create(self.read(dict[str, Any])), 201)


class ProfileHandler(RecordHandler):
    """``GET profiles/{name}`` and ``DELETE profiles/{name}``."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """One profile."""
        self.answer(await self.managers.profiles.get(name))

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Forget it."""
        await self.managers.profiles.delete(name)
        self.set_status(204)
        self.finish()


HANDLERS = [(r"/profiles", ProfilesHandler), (r"/profiles/([^/]+)", ProfileHandler)]
