"""Which server a name means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.errors import BadRequest, NotReady, UnknownModel
from mlx_manager_jupyter.names import nearest
from mlx_manager_jupyter.services.gateway.chat import Chat
from mlx_manager_jupyter.services.gateway.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlx_manager_jupyter.adapters.upstream import Upstream
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
        **kwargs: object,
    ) -> None:
        """``traffic`` gives the counters of a server, by its name."""
        super().__init__(**kwargs)
        self._servers = servers
        self._profiles = profiles
        self._upstream = upstream
        self._traffic = traffic

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

    async def chat(self, body: bytes) -> Chat:
        """Open a chat completion. The caller reads it and closes it.

        Raises:
            BadRequest: when the body is no chat request, or the engine refuses a value in it.
            UnknownModel: naming the nearest names.
            NotReady: when the model is known but does not answer now.
            UpstreamFailed: when the engine can't be reached or fails.
        """
        request = await ChatRequest.parse(body)
        server = await self._route(request.model)
        chat = Chat(request, server, self._traffic(server.name))
        await chat.open(self._upstream)
        return chat

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
