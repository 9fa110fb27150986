"""``profiles``: saved ways to run a model."""

from __future__ import annotations

from typing import Any, cast

from jupyter_server.auth.decorator import authorized
from tornado import web

from mlx_manager_jupyter.extension.base import RecordHandler
from mlx_manager_jupyter.schema import CopyProfile, ImportQuery


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


class CheckHandler(RecordHandler):
    """``POST profiles/check``."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """What saving and starting these values would say. Nothing is saved."""
        checking = self.managers.checker.check(self.read(dict[str, Any]))
        self.answer(await self.while_asked(checking))


class ExportHandler(RecordHandler):
    """``GET profiles/export?name=``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """All profiles as a document, or one; without secrets."""
        name = self.get_query_argument("name", None)
        self.answer(await self.managers.profiles.export(name))


class ImportHandler(RecordHandler):
    """``POST profiles/import?on_conflict=``."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Save the profiles of a document, all or none; says what was done with each."""
        on_conflict = self.query(ImportQuery).on_conflict
        given = self.read(cast("type[object]", Any))
        self.answer(await self.managers.profiles.import_(given, on_conflict))


class StartingPointsHandler(RecordHandler):
    """``GET profiles/starting-points?model=``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Ready-made beginnings for a model; all of them without one."""
        model = self.get_query_argument("model", "")
        self.answer(await self.managers.checker.starting_points(model))


class ProfileHandler(RecordHandler):
    """``GET profiles/{name}``, ``PATCH profiles/{name}`` and ``DELETE profiles/{name}``."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """One profile."""
        self.answer(await self.managers.profiles.get(name))

    @web.authenticated
    @authorized
    async def patch(self, name: str) -> None:
        """Change the fields that are given; ``null`` resets one, ``name`` renames."""
        changes = self.read(dict[str, Any])
        self.answer(await self.managers.profiles.edit(name, changes))

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Forget it; the answer names servers that run from it, which go on."""
        self.answer(await self.managers.profiles.delete(name))


class CopyHandler(RecordHandler):
    """``POST profiles/{name}/copy``."""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Save the same under another name."""
        to = self.read(CopyProfile).name
        self.answer(await self.managers.profiles.copy(name, to), 201)


class ProbeHandler(RecordHandler):
    """``POST profiles/{name}/probe``."""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Try it on the running model: takes as long as three answers. Who leaves ends it."""
        self.answer(await self.while_asked(self.managers.prober.probe(name)))


HANDLERS = [
    (r"/profiles", ProfilesHandler),
    # Before the names: no profile can be called like these.
    (r"/profiles/check", CheckHandler),
    (r"/profiles/export", ExportHandler),
    (r"/profiles/import", ImportHandler),
    (r"/profiles/starting-points", StartingPointsHandler),
    (r"/profiles/([^/]+)", ProfileHandler),
    (r"/profiles/([^/]+)/copy", CopyHandler),
    (r"/profiles/([^/]+)/probe", ProbeHandler),
]
