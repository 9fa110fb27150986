"""The ranking against labelled queries, over a catalogue of the Hub's size."""

from __future__ import annotations

import json
import statistics
from itertools import pairwise

from mlx_manager_jupyter.adapters.hub import listing
from mlx_manager_jupyter.services.models.index import Index
from tests.fixtures.catalogue import entries, rows
from tests.services.data.labelled_queries import LABELLED, Labelled, precision

SIZE = 10_000


def test_precision_of_the_first_ten() -> None:
    listed = entries(SIZE)
    ids = [entry.id for entry in listed]
    index = Index(ids, [entry.downloads for entry in listed])
    shares = precision(lambda words: [ids[place] for place in index.search(words)], ids, LABELLED)
    mean = statistics.fmean(shares.values())
    poor = {words: round(share, 2) for words, share in shares.items() if share < 1}
    print(f"P@10 {mean:.3f} of {len(shares)} queries over {len(ids)} ids; below 1: {poor}")
    assert mean >= 0.95
    # A mean hides a query that fails altogether.
    assert min(shares.values()) >= 0.5


def test_the_labels_are_worth_something() -> None:
    """Enough of them, each asked once, each wanting few of the models and at least one."""
    ids = [entry.id for entry in entries(SIZE)]
    assert len(LABELLED) >= 60
    assert len({label.query for label in LABELLED}) == len(LABELLED)
    wanted = {label.query: sum(map(label.wants, ids)) for label in LABELLED}
    assert min(wanted.values()) >= 1, wanted
    assert max(wanted.values()) <= SIZE * 0.05, wanted
    assert sum(count >= 10 for count in wanted.values()) >= 40


def test_the_labels_tell_models_apart() -> None:
    label = Labelled("qwen3 8b q4", "qwen3-8b", "4bit", "dwq", "mlx-community")
    assert label.wants("mlx-community/Qwen3-8B-4bit")
    assert label.wants("mlx-community/Qwen3-8B-Q4")
    for other in ("Qwen3-80B-4bit", "Qwen3-VL-8B-4bit", "Qwen3-8B-4bit-DWQ", "Qwen3-8B-14bit"):
        assert not label.wants(f"mlx-community/{other}")
    assert not label.wants("somebody/Qwen3-8B-4bit")
    assert not Labelled("minimax m2", "minimax-m2").wants("a/MiniMax-M2.1")


def test_the_catalogue_is_what_the_hub_could_have() -> None:
    listed = rows(SIZE)
    downloads = [row["downloads"] for row in listed]
    assert len({row["id"].casefold() for row in listed}) == SIZE
    assert all(first >= second for first, second in pairwise(downloads))
    # A power law: few have nearly all, most have next to none.
    assert sum(downloads[:500]) > 0.8 * sum(downloads)
    assert downloads[SIZE // 2] < downloads[0] / 1000
    assert {row["pipeline_tag"] for row in listed} >= {"text-generation", "image-text-to-text"}
    assert all("mlx" in row["tags"] for row in listed)
    assert rows.__wrapped__(300) == rows(300)
    # What the adapter reads from the Hub's answer is what tests without a Hub are given.
    assert tuple(listing.entries(json.dumps(rows(300)).encode())) == entries(300)
