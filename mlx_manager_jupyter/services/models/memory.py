"""Whether models fit: estimates against live memory, corrected by what servers really took."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.errors import StoreUnusable
from mlx_manager_jupyter.schema import StoredUsage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from logging import Logger

    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.schema import FitVerdict, Memory, Model
    from mlx_manager_jupyter.services.models.rows import Row

#: A new peak is written down when it is higher than the last by this share.
WORTH_STORING = 1.05


class MemoryBook:
    """What models took on this machine, and from that what others will take."""

    def __init__(
        self, store: Store, machine: Machine, *, limit_percent: float, log: Logger
    ) -> None:
        """``limit_percent`` of the memory that is free now is what a model may take."""
        self._store = store
        self._machine = machine
        self._limit = limit_percent
        self._log = log
        self._usage: dict[str, StoredUsage] | None = None
        self._overhead: dict[int, int] = {}
        """By weights: a search asks for ten thousand models, of which many are equally large."""

    @property
    def limit_percent(self) -> float:
        """Of the memory that is free, what a model may take."""
        return self._limit

    def verdict(self, needed: int, available: int) -> FitVerdict:
        """Whether so many bytes fit into so many."""
        from mlx_manager_jupyter.services.models.fit import judge  # noqa: PLC0415  not at start-up

        return judge(needed, available, limit_percent=self._limit)

    async def now(self) -> Memory:
        """System memory, measured now; loads what was learnt on first use."""
        await self._learnt()
        return await asyncio.to_thread(self._machine.memory)

    @property
    def usage(self) -> list[StoredUsage]:
        """What was measured so far."""
        return list((self._usage or {}).values())

    def needed(self, row: Row) -> int | None:
        """Bytes to run it with one conversation of `FIT_CONTEXT`; None if nobody can say."""
        if row.weights_bytes is None:
            return None
        weights, known = row.weights_bytes, self._overhead
        if weights not in known:
            from mlx_manager_jupyter.services.models.fit import overhead_bytes  # noqa: PLC0415  not at start-up

            known[weights] = overhead_bytes(weights, self.usage)[0]
        return weights + row.cache_bytes + known[weights]

    def judged(self, model: Model, needed: int | None, memory: Memory) -> Model:
        """The record with the verdict as of now."""
        if needed is None:
            return model
        from mlx_manager_jupyter.services.models.fit import judge  # noqa: PLC0415  not at start-up

        available, most = memory.available_bytes, memory.gpu_bytes
        verdict = judge(needed, available, limit_percent=self._limit, most=most)
        spare = memory.available_bytes - needed
        return replace(model, fit=verdict, needed_bytes=needed, spare_bytes=spare)

    async def observe(self, peaks: Mapping[str, tuple[int, int]]) -> None:
        """Take in what servers hold right now.

        Args:
            peaks: by model and revision, the bytes of its weights and those of its process.
        """
        usages = await self._learnt()
        for name, (weights, held) in peaks.items():
            known = usages.get(name)
            if held < weights or (known and held < known.peak_bytes * WORTH_STORING):
                continue  # still loading, or nothing new
            usage = StoredUsage(
                name=name,
                weights_bytes=weights,
                cache_bytes=0,
                peak_bytes=held,
                seen_at=datetime.now(UTC),
            )
            usages[name] = usage
            self._overhead = {}
            try:
                await asyncio.to_thread(self._store.put, usage)
            except StoreUnusable as error:
                self._log.warning("%s", error)

    async def _learnt(self) -> dict[str, StoredUsage]:
        if self._usage is None:
            usages = await asyncio.to_thread(self._load)
            if self._usage is None:  # nobody was quicker
                self._usage, self._overhead = usages, {}
        return self._usage

    def _load(self) -> dict[str, StoredUsage]:
        try:
            return {usage.name: usage for usage in self._store.list(StoredUsage)}
        except StoreUnusable as error:
            self._log.warning("%s", error)
            return {}
