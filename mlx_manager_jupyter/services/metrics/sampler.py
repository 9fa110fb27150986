"""Memory and processor of the machine and of each server: measured in a thread."""

from __future__ import annotations

from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct

from mlx_manager_jupyter.adapters.hardware import Processor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.schema import Memory

T = TypeVar("T")

#: The part of all time that one question may take. Finding processes works all the while; the
#: memory of a Mac mostly waits for programs to start.
MEMBERS_SHARE, MEMORY_SHARE = 0.003, 0.01
#: Seconds after which processes are looked for again even if nothing was seen to change: an engine
#: may start a helper at any time.
MEMBERS_SECONDS = 20.0
#: Seconds after which it is asked again, however long it took: it may have had to wait for others.
MEMBERS_LONGEST, MEMORY_LONGEST = 60.0, 5.0


class Used(Struct, frozen=True):
    """By one server; None where it has no process here."""

    memory_bytes: int | None = None
    cpu_percent: float | None = None


class Measured(Struct, frozen=True):
    """The machine, and what its servers use of it."""

    memory: Memory
    cpu_percent: float | None = None
    servers: Mapping[str, Used] = {}


class Paced(Generic[T]):
    """Remembers an answer until asking again is worth what it costs.

    Finding the processes of servers means to look at all processes of the machine, the memory of a
    Mac is told by programs that have to be started, and a memory limit looks for processes, too.
    """

    def __init__(
        self, ask: Callable[[], T], share: float, at_least: float = 0.0, at_most: float = 60.0
    ) -> None:
        """Know what it may cost.

        Args:
            ask: gives the answer.
            share: the part of all time that it may take.
            at_least: seconds for which an answer is good anyway.
            at_most: seconds for which it may be good.
        """
        self._ask = ask
        self._share = share
        self._at_least = at_least
        self._at_most = at_most
        self._due = 0.0
        self._answer: T | None = None

    def __call__(self, *, anew: bool = False) -> T:
        """The answer; ``anew``: another one than the last."""
        if anew or self._answer is None or monotonic() >= self._due:
            began = perf_counter()
            self._answer = self._ask()
            rest = max(self._at_least, (perf_counter() - began) / self._share)
            self._due = monotonic() + min(rest, self._at_most)
        return self._answer


class Sampler:
    """Measures for one caller at a time; shares of the processor are those since the last call."""

    def __init__(self, machine: Machine, pids: Callable[[], Mapping[str, Sequence[int]]]) -> None:
        """``pids`` gives the living processes of each server."""
        self._machine = machine
        self._memory = Paced(machine.memory, MEMORY_SHARE, at_most=MEMORY_LONGEST)
        self._members = Paced(pids, MEMBERS_SHARE, MEMBERS_SECONDS, MEMBERS_LONGEST)
        self._processor = Processor()

    def measure(self, servers: Collection[str], *, changed: bool) -> Measured:
        """Measure what these servers use (blocking).

        Args:
            servers: their names.
            changed: whether one of them came, or is in another state than it was.
        """
        members = self._members(anew=changed) if servers else {}
        groups = {name: members[name] for name in servers if members.get(name)}
        shares = self._processor.groups(groups)
        used = {
            name: Used(self._machine.process_memory(pids), shares[name])
            for name, pids in groups.items()
        }
        return Measured(
            memory=self._memory(anew=changed),
            cpu_percent=self._processor.system(),
            servers={name: used.get(name, Used()) for name in servers},
        )
