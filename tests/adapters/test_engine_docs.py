"""What docs/engines.md says of flags and requests is what engines are told."""

from __future__ import annotations

import re
from pathlib import Path

from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.adapters.engines.choosing import CANDIDATES
from mlx_manager_jupyter.adapters.engines.fields import OURS
from mlx_manager_jupyter.adapters.engines.mlx_openai_server import MAX_TOKENS
from mlx_manager_jupyter.schema import Profile

DOCUMENT = (Path(__file__).parents[2] / "docs" / "engines.md").read_text("utf-8")


def rows(title: str) -> list[list[str]]:
    """Of the table whose head begins with this."""
    _, _, after = DOCUMENT.partition(f"| {title} |")
    table = after.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


def test_every_field_is_in_the_table_as_it_is() -> None:
    told = {row[0].strip("`"): row[1:] for row in rows("field")}
    assert told.keys() == set(Profile.__struct_fields__) - OURS
    for field, cells in told.items():
        for engine, cell in zip(ENGINES.values(), cells, strict=True):
            where = (field, engine.kind)
            flag = engine.flags.get(field)
            key = engine.request_fields.get(field)
            assert re.findall(r"`(--[^`]+)`", cell) == ([flag.name] if flag else []), where
            assert re.findall(r"request `([^`]+)`", cell) == ([key] if key else []), where
            if not flag and not key:
                assert cell == ("ours" if field in engine.fields else "-"), where


def test_every_engine_is_told_of() -> None:
    assert [row[0].strip("`") for row in rows("kind")] == list(ENGINES)


def test_the_order_of_engines_is_the_one_that_is_used() -> None:
    for row in rows("model"):
        named = re.findall(r"`([a-z-]+)`", row[1].partition(";")[0])
        for model_type in re.findall(r"`([a-z-]+)`", row[0]) or ["lm"]:
            assert named == list(CANDIDATES[model_type])


def test_the_most_tokens_are_said() -> None:
    assert f"else {MAX_TOKENS}" in DOCUMENT


def test_what_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", DOCUMENT):
        assert (Path(__file__).parents[2] / "docs" / target).exists()
