"""``images/generations``: words become pictures, in one piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mlx_manager_jupyter.errors import BadRequest
from mlx_manager_jupyter.services.gateway import fields, offered, pinned
from mlx_manager_jupyter.services.gateway.fields import Fields, value
from mlx_manager_jupyter.services.gateway.relay import PlainRelay, Request

if TYPE_CHECKING:
    from mlx_manager_jupyter.services.gateway.asked import Asked
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer


async def parse(asked: Asked) -> ImagesRequest:
    """Read a request for pictures.

    Raises:
        BadRequest: when it is no JSON object, lacks ``prompt``, or wants a stream.
    """
    return await fields.parsed(asked.body, ImagesRequest.of)


class ImagesRequest(Request):
    """Sizes, steps and numbers stay as they came: engines differ in what they take."""

    @classmethod
    def of(cls, given: Fields) -> ImagesRequest:
        """Look at the fields that matter here.

        Raises:
            BadRequest: when one of them is missing, or is not what it should be.
        """
        if not value(given, "prompt", str | None):
            raise BadRequest("'prompt' is missing or empty.", "Say what is to be seen.")
        if value(given, "stream", bool | None):
            raise BadRequest("Pictures can't be streamed.", "Leave 'stream' out.")
        return cls(given, value(given, "model", str, ""), stream=False)

    def relay(self, server: ManagedServer, tally: Tally) -> ImagesRelay:
        """The engine's own.

        Raises:
            NotOffered: when the model draws nothing.
        """
        offered.check(server, ImagesRelay.path)
        body = msgspec.json.encode(pinned.fields_for(self.fields, server))
        return ImagesRelay(body, tally)


class ImagesRelay(PlainRelay):
    """Passes the answer on as it is: it names no model."""

    path = "images/generations"
