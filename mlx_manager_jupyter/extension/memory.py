"""The memory that servers may take: the machine's or a part of it, and the guard over it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.hardware import Budget, this_machine
from mlx_manager_jupyter.services.servers.guard import MemoryGuard, Plans

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.services.models import ModelManager
    from mlx_manager_jupyter.services.servers import Claims, ServerManager


def machine_of(limit: int, servers: Callable[[], ServerManager]) -> Machine:
    """The machine, of which all servers together may take ``limit`` bytes; 0 for all it has."""
    machine = this_machine()
    if not limit:
        return machine
    return Budget(machine, limit, lambda: chain.from_iterable(servers().pids().values()))


def memory_guard(
    models: ModelManager,
    claims: Claims,
    machine: Machine,
    servers: Callable[[], ServerManager],
    log: Logger,
) -> MemoryGuard:
    """The guard that is asked before each launch. ``servers`` is asked once there are some."""
    return MemoryGuard(
        Plans(models.need, models.smaller, models.verdict),
        claims=claims,
        machine=machine,
        servers=lambda: servers().all,
        unload=lambda name, since: servers().unload(name, since),
        log=log,
    )
