"""``servers``: inference processes."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from mlx_manager_jupyter.extension.base import RecordHandler
from mlx_manager_jupyter.schema import StartServer


class ServersHandler(RecordHandler):
    """``GET servers`` and ``POST servers``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """All servers."""
        self.answer(await self.managers.servers.list())

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Start one: 202, or 200 when it runs already. Watch the events for its progress."""
        server, started = await self.managers.servers.start(self.read(StartServer))
        self.answer(server, 202 if started else 200)


class ServerHandler(RecordHandler):
    """``GET servers/{name}`` and ``DELETE servers/{name}``."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """One server."""
        self.answer((await self.managers.servers.find(name)).record())

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Stop it: 204 once its process tree is gone and its port is free."""
        await self.managers.servers.stop(name)
        self.set_status(204)
        self.finish()


class RestartHandler(RecordHandler):
    """``POST servers/{name}/restart``."""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Stop it and start it again with the same settings."""
        self.answer(await self.managers.servers.restart(name), 202)


HANDLERS = [
    (r"/servers", ServersHandler),
    (r"/servers/([^/]+)", ServerHandler),
    (r"/servers/([^/]+)/restart", RestartHandler),
]
