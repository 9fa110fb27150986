"""What one request took, from its coming to its end: figures alone, never words."""

from __future__ import annotations

import secrets
from time import monotonic
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.schema import RequestRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.services.gateway.asked import Asked
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer

#: What nginx logs for a client that left before its answer was complete.
CLIENT_LEFT = 499
OK = 200


class Account:
    """Takes facts as they become known; `end` tells the record, once."""

    def __init__(self, asked: Asked, finished: Callable[[RequestRecord], None]) -> None:
        self._asked = asked
        self._finished: Callable[[RequestRecord], None] | None = finished
        self.name = ""
        """What the client called the model."""
        self.stream = False
        self.server: ManagedServer | None = None
        self.tally: Tally | None = None
        self.load_seconds = 0.0
        self.queue_seconds = 0.0

    def end(self, error: BaseException | None = None) -> None:
        """Write down how it ended. Later calls change nothing.

        Args:
            error: one of ours is what the client was told; any other means that the client left.
        """
        finished, self._finished = self._finished, None
        if finished is None:
            return
        finished(self._record(error))

    def _record(self, error: BaseException | None) -> RequestRecord:
        asked, tally, key = self._asked, self.tally, self._asked.key
        stored = self.server.stored if self.server else None
        failed = error if isinstance(error, MLXManagerError) else None
        left = error is not None and failed is None
        return RequestRecord(
            id=secrets.token_hex(8),
            time=asked.time,
            endpoint=asked.endpoint,
            asked=self.name,
            status=failed.status if failed else CLIENT_LEFT if left else OK,
            server=stored.name if stored else None,
            profile=stored.profile_name if stored else None,
            model=stored.profile.model if stored else None,
            revision=stored.revision if stored else None,
            engine=stored.engine if stored else None,
            engine_version=stored.engine_version if stored else None,
            key=key.id if key else None,
            caller=key.label if key else None,
            notebook=key.notebook if key else None,
            lane=asked.lane,
            stream=self.stream,
            load_seconds=round(self.load_seconds, 4),
            queue_seconds=round(self.queue_seconds, 4),
            first_token_seconds=tally.first_token_seconds if tally else None,
            seconds=round(monotonic() - asked.came, 4),
            prompt_tokens=tally.prompt_tokens if tally else None,
            cached_tokens=tally.cached_tokens if tally else None,
            completion_tokens=tally.completion_tokens if tally else None,
            tokens_per_second=tally.tokens_per_second if tally else None,
            finish="cancelled" if left else tally.finish if tally else None,
            error=failed.code if failed else None,
        )
