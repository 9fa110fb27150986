"""Streams that pass as they come: events copied, names put back, a plain answer put together."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import msgspec

from mlx_manager_jupyter.services.gateway.relay import END, Relay, data_of, renamed

if TYPE_CHECKING:
    from mlx_manager_jupyter.services.gateway.completion import Whole
    from mlx_manager_jupyter.services.gateway.relay import Request
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer

DONE = b"data: [DONE]"


class CopyRelay(Relay):
    """Copies events through; puts a plain answer together from them."""

    pieces: ClassVar[tuple[bytes, ...]]
    """An event with one of these is a piece of the answer."""

    def __init__(
        self, request: Request, body: bytes, server: ManagedServer, tally: Tally, *, usage: bool
    ) -> None:
        super().__init__(body, tally)
        self._wants_usage = usage
        self._renamed = renamed(server.stored, request.model)
        self._done = False
        self._model = request.model
        self._whole: Whole | None = None

    @abstractmethod
    def begin(self, model: str) -> Whole:
        """An answer of which nothing is known yet."""

    @property
    def done(self) -> bool:
        """Whether the closing mark was there."""
        return self._done

    def events(self, arrived: list[bytes]) -> bytes:
        """The same events, under the name that was asked; usage only if it was asked for."""
        passed = b"".join(event + END for event in arrived if self._passes(event))
        for pinned, asked in self._renamed if passed else ():
            passed = passed.replace(pinned, asked)
        return passed

    def add(self, arrived: list[bytes]) -> None:
        """Take them into the whole."""
        self._whole = self._whole or self.begin(self._model)
        for event in arrived:
            self._passes(event)
            self._whole.add(event)

    def whole(self) -> bytes:
        """OpenAI's object."""
        return msgspec.json.encode((self._whole or self.begin(self._model)).completion())

    def _passes(self, event: bytes) -> bool:
        """Count the event; False for a usage report that the client did not ask for."""
        if any(mark in event for mark in self.pieces):
            self.tally.piece()
        if b'"usage"' in event or _says_finish(event):
            said = data_of(event) or {}
            self.tally.usage(said.get("usage"))
            for choice in said.get("choices") or ():
                self.tally.finish = choice.get("finish_reason") or self.tally.finish
            return bool(said.get("choices")) or self._wants_usage or "usage" not in said
        self._done = self._done or event == DONE
        return True


def _says_finish(event: bytes) -> bool:
    """Whether it says why the answer ends: engines write the reason with a blank or without."""
    _, named, reason = event.partition(b'"finish_reason":')
    return bool(named) and not reason.lstrip().startswith(b"null")
