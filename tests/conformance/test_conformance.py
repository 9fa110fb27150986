"""The table of docs/gateway-endpoints.md, asked again: every cell is what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conformance.cases import CASES, outcome
from tests.conformance.places import ENGINES, Places
from tests.conformance.table import render, written

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]

DOCUMENT = Path(__file__).parents[2] / "docs" / "gateway-endpoints.md"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with Places(tmp_path_factory.mktemp("conformance")) as started:
        yield started


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.strip("… `"))
def test_the_documents_table_is_what_the_engines_do(places: Places, case: str) -> None:
    found = {engine: outcome(case, places.target(engine)) for engine in ENGINES}
    assert found == written(DOCUMENT)[case], "python -m tests.conformance --write"


def test_the_table_is_written_as_it_is_read() -> None:
    said = written(DOCUMENT)
    assert render(said) in DOCUMENT.read_text("utf-8")
