"""Search as you type over the Hub's list of MLX models, beside rapidfuzz's default matcher."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process, utils

from mlx_manager_jupyter.services.models.index import Index
from tests.bench.figures import Figure, percentile
from tests.fixtures.catalogue import entries, rows
from tests.services.data.labelled_queries import LABELLED, precision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

PEER = "rapidfuzz WRatio"
#: Models, milliseconds a search, seconds to build, and which queries the slow peer is asked.
SIZES = ((10_000, 10.0, 0.2, 1), (100_000, 30.0, 2.0, 6))
#: As many as a page has.
PAGE = 50


def measure(_folder: Path) -> Iterator[Figure]:
    """Every keystroke of every labelled query, and what the whole queries find."""
    for size, budget, building, each in SIZES:
        listed = entries(size)
        ids = [entry.id for entry in listed]
        downloads = [entry.downloads for entry in listed]
        del listed
        # What a benchmark leaves lying about, the garbage collector of its process reads.
        entries.cache_clear()
        rows.cache_clear()
        began = time.perf_counter()
        index = Index(ids, downloads)
        built = time.perf_counter() - began

        def ours(words: str, ids: list[str] = ids, index: Index = index) -> list[str]:
            return [ids[place] for place in index.search(words)]

        folded = [utils.default_process(model) for model in ids]  # once, as an index is made once

        def peer(words: str, ids: list[str] = ids, folded: list[str] = folded) -> list[str]:
            found = process.extract(
                utils.default_process(words), folded, scorer=fuzz.WRatio, limit=PAGE
            )
            return [ids[place] for _, _, place in found]

        ours("qwn3 8b")  # the first typo imports rapidfuzz
        asked = LABELLED[::each]
        typed = [q.query[:stop] for q in LABELLED for stop in range(1, len(q.query) + 1)]
        spent = list(_milliseconds(ours, typed))
        theirs = list(_milliseconds(peer, [label.query for label in asked]))
        name = f"search, {size:,} models"
        for percent in (50, 99):
            yield Figure(
                name=f"{name}: a keystroke p{percent}",
                ours=percentile(spent, percent),
                unit="ms",
                budget=budget,
                peers={PEER: percentile(theirs, percent)},
                samples=len(spent),
            )
        yield Figure(
            name=f"{name}: P@10",
            ours=statistics.fmean(precision(ours, ids, LABELLED).values()),
            unit="",
            budget=0.95,
            at_least=True,
            peers={PEER: statistics.fmean(precision(peer, ids, asked).values())},
            samples=len(LABELLED),
        )
        yield Figure(name=f"{name}: index built", ours=built, unit="s", budget=building)


def _milliseconds(search: Callable[[str], object], queries: Iterable[str]) -> Iterator[float]:
    for words in queries:
        began = time.perf_counter()
        search(words)
        yield (time.perf_counter() - began) * 1000
