"""What every platform answers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import psutil
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlx_manager_jupyter.schema import Hardware, Memory


class Held(Struct, frozen=True):
    """Memory of some processes, in bytes."""

    size: int = 0
    """What they hold, and what would be free without them; pages that they share count once."""
    seems_free: int = 0
    """The part of it that the system counts as available all the same: pages mapped from files."""


class Machine(Protocol):
    """One platform."""

    def hardware(self) -> Hardware:
        """The facts that don't change while this process lives."""

    def memory(self, seems_free: int = 0) -> Memory:
        """System memory at this moment; used and available add up to the total.

        ``seems_free`` are bytes that are in use though the system counts them as available: see
        `Held`.
        """

    def process_memory(self, pids: Iterable[int]) -> int:
        """Bytes held by exactly these processes: name the children too. The dead count nothing."""

    def held(self, pids: Iterable[int]) -> Held:
        """The same, as exact as the system can say: for decisions, not for every second.

        Linux looks at every page for it, which takes 5 ms a gigabyte.
        """


def cores() -> int:
    """Processor cores, hyper-threads not counted."""
    return psutil.cpu_count(logical=False) or os.cpu_count() or 1
