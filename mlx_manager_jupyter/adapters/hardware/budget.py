"""A machine of which models may take only a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlx_manager_jupyter.adapters.hardware.machine import Held, Machine
    from mlx_manager_jupyter.schema import Hardware, Memory


class Budget:
    """A machine as one sees it who may use ``limit`` bytes for all servers together.

    So that a model leaves room for what else people run, or for other people.
    """

    def __init__(self, machine: Machine, limit: int, servers: Callable[[], Iterable[int]]) -> None:
        """``servers`` gives the living processes of all servers; it is called in a thread."""
        self._machine = machine
        self._limit = limit
        self._servers = servers

    def hardware(self) -> Hardware:
        """Of the machine."""
        return self._machine.hardware()

    def memory(self, seems_free: int = 0) -> Memory:
        """What is left of the limit, or of the machine, if less."""
        left = max(0, self._limit - self._machine.process_memory(self._servers()))
        memory = self._machine.memory(seems_free)
        total = min(memory.total_bytes, self._limit)
        available = min(memory.available_bytes, left)
        return replace(
            memory, total_bytes=total, used_bytes=total - available, available_bytes=available
        )

    def process_memory(self, pids: Iterable[int]) -> int:
        """As the machine says it."""
        return self._machine.process_memory(pids)

    def held(self, pids: Iterable[int]) -> Held:
        """As the machine says it."""
        return self._machine.held(pids)
