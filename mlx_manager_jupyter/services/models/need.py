"""What a profile will take of this machine's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mlx_manager_jupyter.services.models.fit import BASE_BYTES

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import Fit, Profile


class Need(Struct, frozen=True):
    """Memory that was planned for one run, in bytes."""

    weights_bytes: int
    cache_bytes: int
    """Of so many conversations at once, of so many tokens each."""
    overhead_bytes: int
    context_length: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return self.weights_bytes + self.cache_bytes + self.overhead_bytes

    def tokens_within(self, room: int) -> int:
        """The longest context for which ``room`` bytes would do, in whole thousands of tokens.

        A straight line through what was planned: caches of windows grow less, so it is on the safe
        side. 0 if not even a short one would do, or the context is not what takes the memory.
        """
        left = room - self.weights_bytes - self.overhead_bytes
        if left <= 0 or self.cache_bytes <= 0:
            return 0
        tokens = self.context_length * left // self.cache_bytes
        return int(tokens // 1000 * 1000) if tokens < self.context_length else 0


def need_of(profile: Profile, model: Fit, draft: Fit | None = None) -> Need | None:
    """Of a profile, from what its model takes, and the draft model in the same process.

    None if nobody can say: with a file of hosts, how many machines share it is written there.
    """
    weights, cache = model.weights_bytes, model.cache_bytes
    overhead = model.overhead_bytes
    if draft is not None:
        weights, cache = weights + draft.weights_bytes, cache + draft.cache_bytes
    if spread := profile.distributed:
        if spread.hostfile is not None:
            return None
        # Weights and caches are split; the engine itself is there once for each process.
        machines = max(1, len(spread.hosts))
        weights, cache = -(-weights // machines), -(-cache // machines)
        overhead += BASE_BYTES * ((spread.ranks or 1) - 1)
    return Need(weights, cache, overhead, model.context_length)
