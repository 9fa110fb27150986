"""Which server a name means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.errors import BadRequest, NotReady, UnknownModel
from mlx_manager_jupyter.names import nearest
from mlx_manager_jupyter.services.gateway.account import Account
from mlx_manager_jupyter.services.gateway.endpoints import ENDPOINTS
from mlx_manager_jupyter.services.gateway.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlx_manager_jupyter.adapters.upstream import Upstream
    from mlx_manager_jupyter.schema import RequestRecord
    from mlx_manager_jupyter.services.gateway.asked import Asked
    from mlx_manager_jupyter.services.metrics import Traffic
    from mlx_manager_jupyter.services.profiles import ProfileManager
    from mlx_manager_jupyter.services.servers import ManagedServer


class Gateway(LoggingConfigurable):
    """Finds the server for a request and opens the way to it."""

    def __init__(
        self,
        *,
        servers: Callable[[], Iterable[ManagedServer]],
        profiles: ProfileManager,
        upstream: Upstream,
        traffic: Callable[[str], Traffic],
        finished: Callable[[RequestRecord], None] = lambda _: None,
        **kwargs: object,
    ) -> None:
        """Hand over what it needs.

        Args:
            servers: those that there are.
            profiles: the saved ones.
            upstream: asks engines.
            traffic: gives the counters of a server, by its name.
            finished: is told of every request, once it has ended.
            kwargs: traits.
        """
        super().__init__(**kwargs)
        self._servers = servers
        self._profiles = profiles
        self._upstream = upstream
        self._traffic = traffic
        self._finished = finished

    def models(self) -> dict[str, Any]:
        """What answers right now, in the shape of OpenAI's ``GET models``."""
        data = [
            {
                "id": server.name,
                "object": "model",
                "created": int(server.stored.started_at.timestamp()),
                "owned_by": server.engine.kind,
                "root": server.stored.profile.model,
            }
            for server in self._servers()
            if server.ready and server.stored.started_at
        ]
        return {"object": "list", "data": data}

    async def open(self, asked: Asked) -> Exchange:
        """Find the way for a request. The caller reads the exchange and closes it.

        Raises:
            BadRequest: when the body is none that this endpoint takes.
            UnknownModel: naming the nearest names.
            NotReady: when the model is known but does not answer now.
        """
        account = Account(asked, self._finish)
        try:
            request = await ENDPOINTS[asked.endpoint](asked)
            account.name, account.stream = request.model, request.stream
            server = await self._route(request.model)
        except BaseException as error:
            account.end(error)
            raise
        traffic = self._traffic(server.name)
        return Exchange(request, server, traffic, account, self._upstream)

    def _finish(self, record: RequestRecord) -> None:
        if record.server is not None:
            self._traffic(record.server).ended(record)
        self._finished(record)

    async def _route(self, asked: str) -> ManagedServer:
        found = [server for server in self._servers() if asked in server.names]
        if ready := [server for server in found if server.ready]:
            return min(ready, key=lambda server: server.names.index(asked))
        if found:
            message = f"{asked!r} is {found[0].record().state} and does not answer now."
            raise NotReady(message, "Wait until it is ready, or look at its log.")
        profiles = [profile.name for profile in await self._profiles.list()]
        if asked in profiles:
            raise NotReady(
                f"The profile {asked!r} is not running.", f"Start it: %mlx_serve {asked}"
            )
        served = [name for server in self._servers() for name in server.names]
        if not asked:
            now = ", ".join(served) or "nothing"
            raise BadRequest("'model' is missing.", f"Served now: {now}.")
        close = nearest(asked, [*served, *profiles])
        hint = f"Did you mean {' or '.join(close)}?" if close else "See 'models' for the list."
        raise UnknownModel(f"No model named {asked!r} is served.", hint)
