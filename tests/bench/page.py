"""The page of the docs with what was measured last, one section a benchmark."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def write(name: str, table: str, circumstances: str) -> None:
    """Put a benchmark's table in the place of the one before, or at the end if it is new."""
    page = PAGE.read_text("utf-8")
    section = f"<!-- {name} -->\n\n{table}\n\n{circumstances}\n\n<!-- end of {name} -->"
    known = re.compile(rf"<!-- {name} -->.*?<!-- end of {name} -->", re.DOTALL)
    if known.search(page):
        page = known.sub(lambda _: section, page)
    else:
        page += f"\n## {name}\n\n{section}\n"
    PAGE.write_text(page, "utf-8")
