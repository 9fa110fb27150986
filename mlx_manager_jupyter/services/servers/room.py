"""Is there room for one more server, and who would have to go? Decided here, done by the guard.

Nothing is asked and nothing is ended in this file: the same figures get the same answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mlx_manager_jupyter.schema import FitVerdict, Memory

    #: Bytes needed and bytes free: whether they fit.
    Judge = Callable[[int, int], FitVerdict]


class Candidate(Struct, frozen=True, kw_only=True):
    """A living server, as far as it matters for who has to go."""

    name: str
    held_bytes: int = 0
    """What would be free without it."""
    last_used: float = 0.0
    """When its latest request began or ended, or it started: seconds of any clock."""
    in_flight: int = 0
    """Requests that it works on."""
    pinned: bool = False
    starting: bool = False
    """It was never ready yet."""
    leaving: bool = False
    """It is being ended: what it holds comes back without our doing."""

    @property
    def may_go(self) -> bool:
        """Whether it may be ended to make room."""
        return not (self.pinned or self.in_flight or self.starting or self.leaving)


class Admit(Struct, frozen=True):
    """It fits."""

    verdict: FitVerdict


class Wait(Struct, frozen=True):
    """These are being ended; ask again when they are gone."""

    names: tuple[str, ...]


class Evict(Struct, frozen=True):
    """It fits once these are gone, the least recently used first."""

    names: tuple[str, ...]
    held_bytes: int


class Refuse(Struct, frozen=True):
    """It does not fit, whatever is ended that may be."""

    reason: Literal["memory", "pressure", "gpu"]
    free_bytes: int
    """What it was weighed against."""
    freeable_bytes: int
    """What idle servers hold."""


Decision = Admit | Wait | Evict | Refuse


def decide(
    needed: int,
    memory: Memory,
    candidates: Iterable[Candidate],
    reserved: int,
    judge: Judge,
    *,
    given_back: int = 0,
    patient: bool = True,
) -> Decision:
    """Say whether a server may start now, and what would have to be done for it.

    Args:
        needed: bytes that it will take.
        memory: of the machine, now.
        candidates: the servers that live.
        reserved: bytes that servers which are starting will still take.
        judge: whether so many bytes fit into so many.
        given_back: bytes that were made free for this very start. Under pressure they are all there
            is: what the system says to be available then is what it takes from other programs.
        patient: whether to wait for those that are being ended before others go.
    """
    servers = list(candidates)
    free = memory.available_bytes
    if pressed := memory.pressure != "normal":
        free = min(free, given_back)
    freeable = sum(server.held_bytes for server in servers if server.may_go)
    if memory.gpu_bytes is not None and needed > memory.gpu_bytes:
        return Refuse("gpu", memory.gpu_bytes, freeable)
    verdict = judge(needed + reserved, free)
    if verdict != "no":
        return Admit(verdict)
    leaving = tuple(server.name for server in servers if server.leaving)
    if leaving and patient:
        return Wait(leaving)

    def enough(chosen: Sequence[Candidate]) -> bool:
        freed = sum(server.held_bytes for server in chosen)
        return judge(needed + reserved, free + freed) != "no"

    if chosen := _fewest(servers, enough):
        names = tuple(server.name for server in chosen)
        return Evict(names, sum(server.held_bytes for server in chosen))
    return Refuse("pressure" if pressed else "memory", free, freeable)


def _fewest(
    servers: Iterable[Candidate], enough: Callable[[Sequence[Candidate]], bool]
) -> list[Candidate]:
    """Of those that may go, the least recently used that are enough, and none too many."""
    chosen: list[Candidate] = []
    idle = (server for server in servers if server.may_go and server.held_bytes > 0)
    for server in sorted(idle, key=lambda each: (each.last_used, each.name)):
        chosen.append(server)
        if enough(chosen):
            break
    else:
        return []
    # The last one may make some of the others needless: the more recently used stay.
    for server in reversed(chosen[:-1]):
        fewer = [each for each in chosen if each is not server]
        if enough(fewer):
            chosen = fewer
    return chosen
