"""``keys``: who may use the gateway."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from mlx_manager_jupyter.extension.base import RecordHandler
from mlx_manager_jupyter.schema import CreateKey


class KeysHandler(RecordHandler):
    """``GET keys`` and ``POST keys``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The keys that still open the gateway, without their secrets."""
        self.answer(await self.managers.keys.list())

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Make one; its secret is in this answer and never again."""
        self.answer(await self.managers.keys.create(self.read(CreateKey)), 201)


class KeyHandler(RecordHandler):
    """``DELETE keys/{id}``."""

    @web.authenticated
    @authorized
    async def delete(self, key_id: str) -> None:
        """End it at once."""
        await self.managers.keys.revoke(key_id)
        self.set_status(204)
        self.finish()


HANDLERS = [(r"/keys", KeysHandler), (r"/keys/([^/]+)", KeyHandler)]
