"""Estimates are corrected by what servers of this machine really took."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.hardware import this_machine
from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.schema import Memory, Model
from mlx_manager_jupyter.services.models.memory import MemoryBook
from mlx_manager_jupyter.services.models.rows import Row

if TYPE_CHECKING:
    from pathlib import Path

GB = 10**9
ROW = Row(Model(id="a/b"), weights_bytes=4 * GB, cache_bytes=GB)


def book(folder: Path) -> MemoryBook:
    log = logging.getLogger("memory")
    return MemoryBook(Store(folder / "state.json"), this_machine(), limit_percent=85, log=log)


async def test_what_a_server_held_is_learnt_and_kept(tmp_path: Path) -> None:
    first = book(tmp_path)
    await first.now()
    before = first.needed(ROW)
    assert before is not None
    assert before > 5 * GB
    for number in range(4):
        await first.observe({f"owner/model-{number}@main": (4 * GB, 7 * GB)})
    learnt = first.needed(ROW)
    assert learnt is not None
    assert learnt > before
    again = book(tmp_path)
    await again.now()
    assert again.needed(ROW) == learnt


async def test_a_server_that_still_loads_teaches_nothing(tmp_path: Path) -> None:
    kept = book(tmp_path)
    await kept.observe({"owner/model@main": (4 * GB, 2 * GB)})
    assert kept.usage == []


async def test_only_a_higher_peak_is_written_down(tmp_path: Path) -> None:
    kept = book(tmp_path)
    await kept.observe({"owner/model@main": (4 * GB, 6 * GB)})
    stamp = kept._store.stamp()
    await kept.observe({"owner/model@main": (4 * GB, 6 * GB + 1000)})
    await kept.observe({"owner/model@main": (4 * GB, 5 * GB)})
    assert kept._store.stamp() == stamp
    await kept.observe({"owner/model@main": (4 * GB, 8 * GB)})
    assert kept.usage[0].peak_bytes == 8 * GB


async def test_verdicts_follow_the_memory_that_is_free(tmp_path: Path) -> None:
    kept = book(tmp_path)
    verdicts = []
    for available in (100, 75, 74, 66, 65, 64, 10):
        memory = Memory(
            total_bytes=100 * GB, used_bytes=(100 - available) * GB, available_bytes=available * GB
        )
        verdicts.append(kept.judged(Model(id="a/b"), 55 * GB, memory).fit)
    assert verdicts == ["fits", "fits", "fits", "tight", "tight", "no", "no"]
