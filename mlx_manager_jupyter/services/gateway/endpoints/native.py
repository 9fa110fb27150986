"""Endpoints that an engine has itself: its events pass, under the name that the client used."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.services.gateway import offered, pinned
from mlx_manager_jupyter.services.gateway.endpoints.events import (
    Event,
    Failures,
    said_in,
    written,
)
from mlx_manager_jupyter.services.gateway.relay import END, Relay, renamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlx_manager_jupyter.services.gateway.fields import Fields
    from mlx_manager_jupyter.services.gateway.relay import Request
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer


def has(server: ManagedServer, endpoint: str) -> bool:
    """Whether its engine is known to answer there itself.

    Of a server that may have anything or not, we don't guess: all have chat completions, and those
    we can translate to.
    """
    return not server.engine.guessed and offered.offers(server, endpoint)


def body_for(
    server: ManagedServer,
    given: Fields,
    *,
    names: Mapping[str, str],
    prompt: str | None,
) -> dict[str, Any]:
    """The client's fields for the engine: name pinned, the profile's defaults filled in.

    Args:
        server: whose engine is asked.
        given: what the client said.
        names: what this endpoint calls fields that chat completions call otherwise.
        prompt: the field of the system prompt; None if the client gave one already.
    """
    profile = server.stored.profile
    sent = pinned.fields_for(given, server)
    for chat_name, default in server.engine.request_values(profile).items():
        sent.setdefault(names.get(chat_name, chat_name), default)
    if profile.system_prompt and prompt:
        sent[prompt] = profile.system_prompt
    return sent


class NativeRelay(Relay):
    """Passes events as they are. What is known of each kind of event is the endpoint's."""

    rewrites = False
    """Whether some event is not passed as it is."""

    def __init__(
        self, body: dict[str, Any], request: Request, server: ManagedServer, tally: Tally
    ) -> None:
        super().__init__(msgspec.json.encode(body | {"stream": True}), tally)
        self._renamed = renamed(server.stored, request.model)
        self._done = False
        self._failures = Failures()

    @property
    def done(self) -> bool:
        """Whether its last event was there.

        Raises:
            UpstreamFailed: when the engine has said that it failed.
        """
        self._failures.tell()
        return self._done

    def events(self, arrived: list[bytes]) -> bytes:
        """The same events, under the name that was asked.

        Raises:
            UpstreamFailed: when the engine says that it failed.
        """
        return self._called(self._failures.told(self._passed(arrived)))

    def add(self, arrived: list[bytes]) -> None:
        """Take them into the whole."""
        for said in filter(None, map(self._take, arrived)):
            for told in self.told(said):
                self.keep(told)

    def told(self, said: Event) -> Iterable[Event]:
        """What becomes of an event: itself, unless `rewrites` is set."""
        return (said,)

    def _passed(self, arrived: list[bytes]) -> Iterator[bytes]:
        for event in arrived:
            said = self._take(event)
            if said is None or not self.rewrites:
                yield event + END
            else:
                yield from map(written, self.told(said))

    def _take(self, event: bytes) -> Event | None:
        said = said_in(event)
        if said is not None:
            self._done = self.count(said) or self._done
        return said

    def _called(self, text: bytes) -> bytes:
        for served, asked in self._renamed if text else ():
            text = text.replace(served, asked)
        return text

    @abstractmethod
    def count(self, said: Event) -> bool:
        """Tally an event; True for the last one.

        Raises:
            UpstreamFailed: when it says that the engine failed.
        """

    @abstractmethod
    def keep(self, said: Event) -> None:
        """Take an event into the whole."""
