"""From a request to the way that it takes: its name looked up, its key asked, its turn arranged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitlets import Float, Int
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.schema import permits
from mlx_manager_jupyter.services.gateway.account import Account
from mlx_manager_jupyter.services.gateway.admission import Admission, Rules, Waiting, take_ttl
from mlx_manager_jupyter.services.gateway.arrivals import Arrivals
from mlx_manager_jupyter.services.gateway.endpoints import ENDPOINTS
from mlx_manager_jupyter.services.gateway.exchange import Exchange
from mlx_manager_jupyter.services.gateway.names import Place, meant, places, why_none

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.adapters.upstream import Upstream
    from mlx_manager_jupyter.schema import Key, RequestRecord
    from mlx_manager_jupyter.services.gateway.asked import Asked
    from mlx_manager_jupyter.services.metrics import Traffic
    from mlx_manager_jupyter.services.profiles import ProfileManager
    from mlx_manager_jupyter.services.servers import ServerManager


class Gateway(LoggingConfigurable):
    """Finds the server for a request and opens the way to it."""

    at_once = Int(
        32,
        min=1,
        help="Requests that one server works on at a time, unless its profile says "
        "'decode_concurrency' or 'max_concurrency'; the others wait for their turn.",
    ).tag(config=True)
    queue_size = Int(
        256,
        min=0,
        help="Requests that may wait for their turn at one server, in each lane, unless its "
        "profile says 'queue_size'.",
    ).tag(config=True)
    queue_timeout = Float(
        0.0,
        min=0.0,
        help="Seconds that a request may wait for its turn, unless its profile says "
        "'queue_timeout'; 0 for as long as its client does.",
    ).tag(config=True)
    start_queue_size = Int(64, min=1, help="Requests that may wait for one server to start.").tag(
        config=True
    )
    notice_interval = Float(
        2.0, min=0.05, help="Seconds between two comments that tell a waiting stream what for."
    ).tag(config=True)
    retry_failed_seconds = Float(
        30.0,
        min=0.0,
        help="Seconds after which a request may start a server again that failed and was left "
        "alone.",
    ).tag(config=True)

    def __init__(
        self,
        *,
        servers: ServerManager,
        profiles: ProfileManager,
        upstream: Upstream,
        traffic: Callable[[str], Traffic],
        finished: Callable[[RequestRecord], None] = lambda _: None,
        **kwargs: object,
    ) -> None:
        """Hand over what it needs.

        Args:
            servers: those that there are, and who starts others.
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
        rules = Rules(
            at_once=self.at_once,
            waiting=self.queue_size,
            patience=self.queue_timeout or None,
            starting=self.start_queue_size,
            notice_seconds=self.notice_interval,
        )
        self._arrivals = Arrivals(
            servers, retry_failed_seconds=self.retry_failed_seconds, log=self.log
        )
        self._waiting = Waiting(rules, self._arrivals, traffic)

    async def close(self) -> None:
        """Start nothing more; what waits for a start is told."""
        await self._arrivals.close()

    def models(self, key: Key | None = None) -> dict[str, Any]:
        """What may be asked with this key, in the shape of OpenAI's ``GET models``.

        That is what answers, what is about to, and what a request would start.
        """
        listed = [
            place
            for place in places(self._servers.all, self._profiles.records)
            if place.may_answer and place.opens_to(key)
        ]
        return {"object": "list", "data": [_model(place) for place in listed]}

    async def model(self, name: str, key: Key | None = None) -> dict[str, Any]:
        """The one of them that a name means.

        Raises:
            UnknownModel, AmbiguousModel, Forbidden, NotReady: as `open` does.
        """
        return _model(await self._place(name, key))

    async def open(self, asked: Asked) -> Exchange:
        """Find the way for a request. The caller reads the exchange and closes it.

        Raises:
            BadRequest: when the body is none that this endpoint takes.
            UnknownModel: naming the nearest names.
            AmbiguousModel: when the name means several.
            Forbidden: when the key does not open it.
            NotReady: when it is a profile that starts on no request.
        """
        account = Account(asked, self._finish)
        try:
            request = await ENDPOINTS[asked.endpoint](asked)
            account.name, account.stream = request.model, request.stream
            ttl = take_ttl(request.fields)
            place = self._running(request.model, asked.key) or await self._place(
                request.model, asked.key
            )
        except BaseException as error:
            account.end(error)
            raise
        admission = Admission(place, asked, self._waiting, account, ttl)
        return Exchange(request, admission, account, self._upstream)

    def _finish(self, record: RequestRecord) -> None:
        if record.server is not None:
            self._traffic(record.server).ended(record)
        self._finished(record)

    def _running(self, name: str, key: Key | None) -> Place | None:
        """The usual case without looking at all others: a server's own name means it first."""
        server = self._servers.known(name)
        if server is None or not server.ready:
            return None
        opened = permits(key, (server.stored.profile_name or server.name,))
        return Place.of(server) if opened else None

    async def _place(self, name: str, key: Key | None) -> Place:
        place = meant(name, places(self._servers.all, self._profiles.records), key)
        if place is None:  # another Jupyter server may have started or saved it a moment ago
            await self._servers.list()
            there = places(self._servers.all, await self._profiles.list())
            place = meant(name, there, key)
            if place is None:
                raise why_none(name, there, key)
        return place


def _model(place: Place) -> dict[str, Any]:
    server = place.server
    began = server.stored.started_at if server else None
    return {
        "id": place.name,
        "object": "model",
        "created": int(began.timestamp()) if began else 0,
        "owned_by": server.engine.kind if server else place.profile.engine,
        "root": place.profile.model,
        "aliases": list(place.profile.aliases),
        "state": place.state,
    }
