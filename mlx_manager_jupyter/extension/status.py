"""``status``: is the extension there, and on which machine."""

from __future__ import annotations

import os

from jupyter_server.auth.decorator import authorized
from tornado import web

from mlx_manager_jupyter.extension.base import RecordHandler
from mlx_manager_jupyter.schema import Status


class StatusHandler(RecordHandler):
    """``GET status``, with ``?loads=true`` also what each server holds."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Version, hardware, memory now, and the servers."""
        managers = self.managers
        measured = self.get_query_argument("loads", "") == "true"  # it starts nothing, but costs
        now = await managers.metrics.now(servers=measured)
        status = Status(
            version=managers.version,
            pid=os.getpid(),
            hardware=managers.hardware,
            memory=now.memory,
            gateway_url=managers.gateway_url,
            servers=await managers.servers.list(),
            loads=now.servers,
        )
        self.answer(status)


HANDLERS = [(r"/status", StatusHandler)]
