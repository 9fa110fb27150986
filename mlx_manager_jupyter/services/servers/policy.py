"""Whether and when a server that failed is started again. Pure."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from mlx_manager_jupyter.errors import EngineCrashed, OutOfMemory, StartFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.schema import Problem, StoredServer

#: What may go better the next time: a crash at any moment, …
CRASHES = frozenset({EngineCrashed.code})
#: … and these once it had been ready; before that they will come back.
AFTER_READY = frozenset({OutOfMemory.code, StartFailed.code})

#: How much two servers that failed together are drawn apart: a share of the delay.
JITTER = 0.2


class RestartPolicy(Struct, frozen=True, kw_only=True):
    """Each failure in a row waits twice as long; too many within a time end the tries."""

    delay: float = 1.0
    """Seconds before the first try."""
    longest_delay: float = 60.0
    limit: int = 5
    """So many failures …"""
    window: float = 600.0
    """… within so many seconds, and it is left alone."""
    chance: Callable[[], float] = field(default=random.random)
    """Gives numbers from 0 to 1."""

    def after_failure(self, stored: StoredServer, problem: Problem) -> StoredServer:
        """The record of a run that failed just now, saying whether it is to be started again."""
        now = datetime.now(UTC)
        since = now - timedelta(seconds=self.window)
        failures = (*(at for at in stored.failures if at > since), now)
        failed = replace(stored, failures=failures, error=problem, retry_at=None)
        if stored.profile.restart == "never" or not mendable(stored, problem):
            return failed
        if len(failures) >= self.limit:
            return replace(failed, error=self._left_alone(stored.name, problem, len(failures)))
        wait = min(self.delay * 2**stored.restarts, self.longest_delay)
        wait *= 1 + JITTER * (2 * self.chance() - 1)
        return replace(failed, retry_at=now + timedelta(seconds=wait))

    def _left_alone(self, name: str, problem: Problem, times: int) -> Problem:
        minutes = f"{self.window / 60:.2g} minutes"
        message = f"{problem.message} That was failure {times} within {minutes}: it is left alone."
        hint = f"See what its log says, mend that, and restart {name!r}."
        return replace(problem, message=message, hint=hint)


def mendable(stored: StoredServer, problem: Problem) -> bool:
    """Whether another start may go better."""
    was_ready = stored.ready_at is not None
    return problem.code in CRASHES or (was_ready and problem.code in AFTER_READY)
