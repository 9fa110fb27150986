"""What a name means: a server that there is, or a saved profile that a request may start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mlx_manager_jupyter.errors import (
    AmbiguousModel,
    BadRequest,
    Forbidden,
    MLXManagerError,
    NotReady,
    UnknownModel,
)
from mlx_manager_jupyter.names import nearest
from mlx_manager_jupyter.schema import permits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlx_manager_jupyter.schema import Key, Profile, ServerState
    from mlx_manager_jupyter.services.servers import ManagedServer

#: Of the list of what a key opens, so many names are told.
NAMED = 10


class Place(Struct, frozen=True):
    """A server, there or to come."""

    name: str
    """The server's."""
    profile: Profile
    """Its settings."""
    profile_name: str | None
    """The saved one that it runs from, or would."""
    server: ManagedServer | None = None
    """None for a profile that no server runs from."""

    @staticmethod
    def of(server: ManagedServer) -> Place:
        """The place that a server has."""
        stored = server.stored
        return Place(stored.name, stored.profile, stored.profile_name, server)

    @property
    def state(self) -> ServerState:
        """Of its server."""
        return self.server.record().state if self.server else "stopped"

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """All that it goes by: what means it most particularly first."""
        profile, model = self.profile_name or self.name, self.profile.model
        short = model.rstrip("/").rpartition("/")[2]
        whole = (f"{model}:{profile}", f"{short}:{profile}") if model else ()
        return ((self.name,), self.profile.aliases, (profile,), whole, (model,), (short,))

    @property
    def may_answer(self) -> bool:
        """Whether a request is answered, now or after some waiting."""
        server = self.server
        if server is None or (server.ended and not server.stored.base_url):
            return self.profile.on_demand or (server is not None and server.will_retry)
        return not server.ended

    def opens_to(self, key: Key | None) -> bool:
        """Whether this key opens it."""
        return permits(key, (self.profile_name or self.name,))

    def rank(self, name: str) -> int | None:
        """How particularly a name means it: 0 most; None if it does not."""
        for rank, names in enumerate(self.names):
            if name in names:
                return rank
        return None


def places(servers: Iterable[ManagedServer], profiles: Iterable[Profile]) -> list[Place]:
    """Every server, and every saved profile that none runs from."""
    there = [Place.of(server) for server in servers]
    running = {name for place in there for name in (place.name, place.profile_name)}
    return [
        *there,
        *(
            Place(profile.name, profile, profile.name)
            for profile in profiles
            if profile.name not in running
        ),
    ]


def meant(name: str, all_places: Sequence[Place], key: Key | None) -> Place | None:
    """The place that a name means to the bearer of a key, if it means any that answers, or may.

    Raises:
        AmbiguousModel: when it means several that differ.
    """
    askable = [place for place in all_places if _askable(place) and place.opens_to(key)]
    ranked = [(rank, place) for place in askable if (rank := place.rank(name)) is not None]
    best = min((rank for rank, _ in ranked), default=None)
    found = [place for rank, place in ranked if rank == best]
    if not (name and found):
        return None
    for preferred in (_ready, _there):  # rather one that answers than one that is to be started
        found = [place for place in found if preferred(place)] or found
    if any(_settings(place) != _settings(found[0]) for place in found[1:]):
        names = [place.name for place in found]
        error = AmbiguousModel(
            f"{name!r} could be {' or '.join(names)}.", "Ask for one of them.", candidates=names
        )
        error.status = 400  # to ask the same again, as clients do after a conflict, won't help
        raise error
    return min(found, key=_requests)


def why_none(name: str, all_places: Sequence[Place], key: Key | None) -> MLXManagerError:
    """What to tell somebody whose name means nothing that answers."""
    opened = [place for place in all_places if place.opens_to(key)]
    known = [place for place in all_places if place.rank(name) is not None]
    if key is not None and known and not any(place.opens_to(key) for place in known):
        return Forbidden(f"This key does not open {name!r}.", f"It opens {_some(key.profiles)}.")
    if known:
        return NotReady(
            f"The profile {known[0].name!r} is not running, and starts on no request.",
            f"Start it: %mlx_serve {known[0].name}",
        )
    if not name:
        now = _some([place.name for place in opened if _askable(place)])
        return BadRequest("'model' is missing.", f"There is {now}.")
    words = [each for place in opened for names in place.names for each in names if each]
    close = nearest(name, words)
    hint = f"Did you mean {' or '.join(close)}?" if close else "See 'models' for the list."
    return UnknownModel(f"No model named {name!r} is served.", hint)


def _askable(place: Place) -> bool:
    return place.server is not None or place.profile.on_demand


def _ready(place: Place) -> bool:
    return place.server is not None and place.server.ready


def _there(place: Place) -> bool:
    return place.server is not None and not place.server.ended


def _settings(place: Place) -> Profile:
    """What makes a difference to who asks."""
    return replace(place.profile, name="-", port=None, aliases=())


def _requests(place: Place) -> int:
    return place.server.use.in_flight if place.server else 0


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (", ".join(names[:NAMED]) or "nothing") + more
