"""Streams that pass as they come: events copied, names put back, a plain answer put together."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from mlx_manager_jupyter.errors import UpstreamFailed
from mlx_manager_jupyter.services.gateway.relay import END, Relay, data_of, renamed

if TYPE_CHECKING:
    from mlx_manager_jupyter.services.gateway.completion import Whole
    from mlx_manager_jupyter.services.gateway.relay import Request
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer

DONE = b"data: [DONE]"
_ERROR = b'data: {"error":'

#: Bytes of a value that tell whether there is one: a blank, and null.
_ENOUGH = 5


class CopyRelay(Relay):
    """Copies events through; puts a plain answer together from them."""

    pieces: ClassVar[tuple[bytes, ...]]
    """Keys, with their colon: an event that gives one of them a value is a piece of the answer."""

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
        """Take them into the whole.

        Raises:
            UpstreamFailed: when one says that the engine failed, or says nothing that we know.
        """
        self._whole = self._whole or self.begin(self._model)
        try:
            for event in arrived:
                self._passes(event)
                self._whole.add(event)
        except (msgspec.DecodeError, ValueError, TypeError, AttributeError) as error:
            raise UpstreamFailed(f"The engine sent an event that is none: {error}.") from error

    def whole(self) -> bytes:
        """OpenAI's object."""
        return msgspec.json.encode((self._whole or self.begin(self._model)).completion())

    def _passes(self, event: bytes) -> bool:
        """Count the event; False for a usage report that the client did not ask for.

        Raises:
            UpstreamFailed: when it says that the engine failed.
        """
        if event.startswith(_ERROR):
            raise _failure(data_of(event))
        for key in self.pieces:
            if _says(event, key):
                self.tally.piece()
                break
        if _says(event, b'"usage":') or _says(event, b'"finish_reason":'):
            said = data_of(event) or {}
            self.tally.usage(said.get("usage"))
            for choice in said.get("choices") or ():
                self.tally.finish = choice.get("finish_reason") or self.tally.finish
            return bool(said.get("choices")) or self._wants_usage or "usage" not in said
        self._done = self._done or event == DONE
        return True


def _failure(said: dict[str, Any]) -> UpstreamFailed:
    """What an error in a stream means: a text (mlx-vlm), or an object with one."""
    reason = said["error"]
    reason = reason.get("message", reason) if isinstance(reason, dict) else reason
    return UpstreamFailed(f"The engine failed: {str(reason).rstrip('.')}.", "See the server's log.")


def _says(event: bytes, key: bytes) -> bool:
    """Whether it gives this key a value: engines write one with a blank or without, and null."""
    at = event.find(key)
    if at < 0:
        return False
    value = event[at + len(key) : at + len(key) + _ENOUGH].lstrip()
    return not value.startswith((b"null", b'""'))
