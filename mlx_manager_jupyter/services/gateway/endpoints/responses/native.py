"""OpenAI's ``responses`` where the engine has them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import UpstreamFailed
from mlx_manager_jupyter.services.gateway.endpoints.events import failure, written
from mlx_manager_jupyter.services.gateway.endpoints.native import NativeRelay, body_for
from mlx_manager_jupyter.services.gateway.endpoints.responses.asked import system_is_given
from mlx_manager_jupyter.services.gateway.endpoints.responses.told import error_event

if TYPE_CHECKING:
    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.services.gateway.relay import Request
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer

RESPONSES = "responses"

_LAST = frozenset({"response.completed", "response.incomplete"})
#: What chat completions call otherwise.
_NAMES = {"max_tokens": "max_output_tokens"}


class NativeResponses(NativeRelay):
    """The engine's own events; the whole answer is in the last of them."""

    path = RESPONSES

    def __init__(self, request: Request, server: ManagedServer, tally: Tally) -> None:
        prompt = None if system_is_given(request.fields) else "instructions"
        body = body_for(server, request.fields, names=_NAMES, prompt=prompt)
        super().__init__(body, request, server, tally)
        self._model = request.model
        self._number = 0
        self._response: dict[str, Any] | None = None

    def count(self, said: dict[str, Any]) -> bool:
        """Deltas are pieces; the last event has the usage."""
        kind: str = said.get("type") or ""
        self._number = max(self._number, said.get("sequence_number") or 0) + 1
        if kind.endswith(".delta"):
            self.tally.piece()
        if kind == "error":
            raise failure(said.get("error") or said)
        if kind == "response.failed":
            raise failure(said["response"].get("error"))
        if kind in _LAST:
            response = said["response"]
            self.tally.usage(response.get("usage"))
            reason = (response.get("incomplete_details") or {}).get("reason") or "stop"
            # In the words that our records have for all endpoints.
            self.tally.finish = "length" if reason == "max_output_tokens" else reason
            self._response = response
        return kind in _LAST

    def keep(self, said: dict[str, Any]) -> None:
        """The last one is kept by `count`."""

    def whole(self) -> bytes:
        """The response, under the name that was asked.

        Raises:
            UpstreamFailed: when there was none.
        """
        if self._response is None:
            raise UpstreamFailed("The engine ended without a response.")
        return msgspec.json.encode(self._response | {"model": self._model})

    def broken(self, error: MLXManagerError) -> bytes:
        """In OpenAI's way."""
        return written(error_event(error, self._number))
