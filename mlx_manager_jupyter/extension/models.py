"""``models``: what is on this machine and on the Hub, and what is done with it."""

from __future__ import annotations

from typing import Literal

from jupyter_server.auth.decorator import authorized
from tornado import web

from mlx_manager_jupyter.extension.base import RecordHandler
from mlx_manager_jupyter.schema import ModelQuery, Positive, Record
from mlx_manager_jupyter.schema.models import ModelSource  # noqa: TC001  msgspec reads it


class FitQuery(Record):
    """Query of ``GET models/{id}/fit``."""

    context_length: Positive | None = None
    concurrency: Positive = 1
    kv_bits: Literal[2, 3, 4, 5, 6, 8] | None = None
    """What MLX can quantize a cache to."""


class ResolveQuery(Record):
    """Query of ``GET resolve``."""

    q: str
    source: ModelSource = "hub"


class ModelsHandler(RecordHandler):
    """``GET models?source=local|hub&q=…``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """One page, best first; the header ``X-Total-Count`` says how many there are in all."""
        page = await self.while_asked(self.managers.models.search(self.query(ModelQuery)))
        self.set_header("X-Total-Count", str(page.total))
        self.answer(page.models)


class ModelHandler(RecordHandler):
    """``GET models/{id}`` and ``DELETE models/{id}``."""

    @web.authenticated
    @authorized
    async def get(self, model: str) -> None:
        """One model with its files, what each fact was read from, and what was tried."""
        found = await self.while_asked(self.managers.models.get(model))
        self.answer(await self.managers.evidence.shown(found))

    @web.authenticated
    @authorized
    async def delete(self, model: str) -> None:
        """Remove it from the cache; says how much that freed."""
        self.answer(await self.managers.models.delete(model))


class FitHandler(RecordHandler):
    """``GET models/{id}/fit``."""

    @web.authenticated
    @authorized
    async def get(self, model: str) -> None:
        """The memory that it would take, against what is free now."""
        asked = self.query(FitQuery)
        fit = self.managers.models.fit(
            model, asked.context_length, asked.concurrency, asked.kv_bits
        )
        self.answer(await self.while_asked(fit))


class VerifyHandler(RecordHandler):
    """``POST models/{id}/verify``."""

    @web.authenticated
    @authorized
    async def post(self, model: str) -> None:
        """Read every file again: seconds for each gigabyte."""
        self.answer(await self.while_asked(self.managers.models.verify(model)))


class PruneHandler(RecordHandler):
    """``POST models/prune``."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Remove what is left of downloads that nobody goes on with."""
        self.answer(await self.managers.models.prune())


class ResolveHandler(RecordHandler):
    """``GET resolve?q=…``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The one model that loose words mean; 409 with candidates if there are several."""
        asked = self.query(ResolveQuery)
        resolution = self.managers.models.resolve(asked.q, asked.source)
        self.answer(await self.while_asked(resolution))


class LibraryHandler(RecordHandler):
    """``GET library``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """How many models there are here, and how much room they take."""
        self.answer(await self.while_asked(self.managers.models.library_now()))


class CatalogueHandler(RecordHandler):
    """``GET catalogue`` and ``POST catalogue``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """What is known of the Hub, and since when."""
        self.answer(await self.while_asked(self.managers.models.catalogue_now()))

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Ask the Hub for its list now. Watch the events for its progress."""
        self.answer(await self.managers.models.sync(), 202)


#: A repo's id as it is or URL-encoded, or the encoded path of a folder.
ID = r"([^/]+|[^/]+/[^/]+)"

HANDLERS = [
    (r"/models", ModelsHandler),
    (r"/models/prune", PruneHandler),
    (rf"/models/{ID}/fit", FitHandler),
    (rf"/models/{ID}/verify", VerifyHandler),
    (rf"/models/{ID}", ModelHandler),
    (r"/resolve", ResolveHandler),
    (r"/library", LibraryHandler),
    (r"/catalogue", CatalogueHandler),
]
