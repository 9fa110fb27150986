"""Filters and orders of lists of models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from mlx_manager_jupyter.schema import Model, ModelQuery
from mlx_manager_jupyter.services.models.matching import CAPABILITIES, keep, ordered

NOTHING_KNOWN = Model(id="mlx-community/Qwen3-8B-4bit")


def kept(query: ModelQuery, **facts: Any) -> bool:
    return keep(Model(id="mlx-community/Qwen3-8B-4bit", **facts), query)


def test_no_filter_keeps_all() -> None:
    assert keep(NOTHING_KNOWN, ModelQuery())
    assert keep(NOTHING_KNOWN, ModelQuery(q="other words", sort="size", offset=9, limit=1))


@pytest.mark.parametrize(
    ("query", "passes", "fails"),
    [
        (ModelQuery(bits=(4,)), {"bits": 4}, {"bits": 8}),
        (ModelQuery(bits=(4, 8)), {"bits": 8}, {"bits": 6}),
        (ModelQuery(family="SMOL"), {"family": "smol"}, {"family": "smol_vl"}),
        (ModelQuery(family="smol "), {"family": "Smol"}, {"family": "llama"}),
        (ModelQuery(author="MLX-Community"), {"author": "mlx-community"}, {"author": "mlx"}),
        (ModelQuery(downloaded=True), {"complete": True, "local": True}, {"local": True}),
        (ModelQuery(fits=True), {"fit": "tight"}, {"fit": "no"}),
        (ModelQuery(fits=True), {"fit": "fits"}, {"fit": "no"}),
        *(
            (
                msgspec.convert({name: True}, ModelQuery),
                {"capabilities": CAPABILITIES},
                {"capabilities": ()},
            )
            for name in CAPABILITIES
        ),
        (
            ModelQuery(vision=True, tools=True),
            {"capabilities": ("vision", "tools")},
            {"capabilities": ("vision",)},
        ),
        (
            ModelQuery(bits=(4,), family="smol"),
            {"bits": 4, "family": "smol"},
            {"bits": 4, "family": "llama"},
        ),
    ],
)
def test_a_filter(query: ModelQuery, passes: dict[str, Any], fails: dict[str, Any]) -> None:
    assert kept(query, **passes)
    assert not kept(query, **fails)


def test_what_is_unknown_does_not_pass_but_for_its_fit() -> None:
    for query in (ModelQuery(bits=(4,)), ModelQuery(family="smol"), ModelQuery(vision=True)):
        assert not keep(NOTHING_KNOWN, query)
    assert keep(NOTHING_KNOWN, ModelQuery(fits=True))


def test_the_author_stands_in_the_id_of_a_repo_but_not_of_a_folder() -> None:
    assert keep(NOTHING_KNOWN, ModelQuery(author="mlx-community"))
    assert not keep(Model(id="/data/models/phi"), ModelQuery(author="models"))
    assert not keep(Model(id="gpt2"), ModelQuery(author="gpt2"))


def moment(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


MODELS = [
    Model(id="b/middle", downloads=5, likes=1, size_bytes=20, updated_at=moment(2)),
    Model(id="a/Unknown"),
    Model(id="c/last", downloads=9, likes=0, estimated_bytes=30, used_at=moment(3)),
    Model(id="a/First", downloads=5, likes=7, size_bytes=10, updated_at=moment(9)),
]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("relevance", "middle Unknown last First"),
        ("downloads", "last middle First Unknown"),
        ("likes", "First middle last Unknown"),
        ("updated", "First middle Unknown last"),
        ("size", "last middle First Unknown"),
        ("used", "last middle Unknown First"),
        ("name", "First last middle Unknown"),
    ],
)
def test_orders(sort: Any, expected: str) -> None:
    assert [model.id.partition("/")[2] for model in ordered(MODELS, sort)] == expected.split()


@pytest.mark.parametrize(
    ("family", "model", "passes"),
    [
        ("qwen3", "mlx-community/Qwen3-8B-4bit", True),
        ("Qwen 3", "mlx-community/Qwen3-8B-4bit", True),
        ("qwen3", "mlx-community/Qwen3-VL-4B-Instruct-4bit", True),
        ("qwen3", "mlx-community/Qwen2.5-3B-Instruct-4bit", False),
        ("qwen3", "qwen3/Llama-3-8B", False),
        ("gemma", "mlx-community/gemma-3-4b-it-4bit", True),
        ("/", "mlx-community/gemma-3-4b-it-4bit", False),
    ],
)
def test_a_family_is_what_people_call_one(family: str, model: str, *, passes: bool) -> None:
    assert keep(Model(id=model), ModelQuery(family=family)) is passes
