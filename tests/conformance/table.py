"""The table of the documentation: what the run gives, and what is written there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conformance.cases import CASES
from tests.conformance.places import ENGINES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BEGIN = "<!-- conformance: python -m tests.conformance --write -->"
END = "<!-- /conformance -->"

#: By case, by engine.
Outcomes = dict[str, dict[str, str]]


def render(outcomes: Mapping[str, Mapping[str, str]]) -> str:
    """As Markdown, with the columns of ENGINES."""
    rows = [["", *ENGINES.values()], ["---"] * (len(ENGINES) + 1)]
    rows += [[case.strip(), *(outcomes[case][engine] for engine in ENGINES)] for case in CASES]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def written(document: Path) -> Outcomes:
    """What the document says."""
    between = document.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in between.strip().splitlines()[2:]
    ]
    assert [row[0] for row in rows] == [case.strip() for case in CASES]
    cells = [dict(zip(ENGINES, row[1:], strict=True)) for row in rows]
    return dict(zip(CASES, cells, strict=True))


def write(document: Path, outcomes: Outcomes) -> None:
    """Put the outcomes between the marks."""
    before, _, rest = document.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    document.write_text(f"{before}{BEGIN}\n{render(outcomes)}\n{END}{after}", "utf-8")
