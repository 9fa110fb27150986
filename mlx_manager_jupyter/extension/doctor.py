"""``doctor``: everything that a bug report needs of this side."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from mlx_manager_jupyter.extension.base import RecordHandler
from mlx_manager_jupyter.schema.base import Record


class Wanted(Record):
    """The query."""

    hub: bool = False
    """Ask the Hub as well."""


class DoctorHandler(RecordHandler):
    """``GET doctor?hub=true``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Each thing that was looked at, with what to do about it."""
        self.answer(await self.managers.doctor.examine(hub=self.query(Wanted).hub))


HANDLERS = [(r"/doctor", DoctorHandler)]
