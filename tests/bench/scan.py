"""The list of local models: a thousand repos of thirteen files, seen for the first time and again.

"Cold" means that nothing is known of an earlier look; the operating system's caches are warm, as
they are for the peer, which has no memory at all.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from huggingface_hub import scan_cache_dir

from mlx_manager_jupyter.adapters.cache import scan
from tests.bench.figures import Figure
from tests.fixtures.cache import BigCache, age

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REPOS = 1000
ROUNDS = 7


def measure(folder: Path) -> Iterator[Figure]:
    """The budgets of the local list."""
    cache = folder / "hub"
    big = BigCache(cache, REPOS).make()
    age(cache)
    known = scan(cache)
    # One that lists less would be quicker.
    assert sum(model.size_bytes for model in known.values()) == big.size_bytes
    assert scan_cache_dir(cache).size_on_disk == big.size_bytes
    looks: dict[str, Callable[[], object]] = {
        "cold": lambda: scan(cache),
        "warm": lambda: scan(cache, (), known),
        "scan_cache_dir": lambda: scan_cache_dir(cache),
    }
    took: dict[str, list[float]] = {name: [] for name in looks}
    for _ in range(ROUNDS):  # in turn, so that whatever else runs here hits all alike
        for name, look in looks.items():
            began = time.perf_counter()
            look()
            took[name].append((time.perf_counter() - began) * 1000)
    for name, budget in (("cold", 200), ("warm", 30)):
        yield Figure(
            name=f"list {REPOS} local models, {name}",
            ours=statistics.median(took[name]),
            unit="ms",
            budget=budget,
            peers={"scan_cache_dir": statistics.median(took["scan_cache_dir"])},
            samples=ROUNDS,
        )
