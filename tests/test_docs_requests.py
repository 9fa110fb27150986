"""What ``docs/requests.md`` says of the log of requests is so."""

from __future__ import annotations

import re
from pathlib import Path

from mlx_manager_jupyter.adapters.request_log.folder import SEGMENT_ROWS
from mlx_manager_jupyter.schema import COLUMNS_TYPE, LINES_TYPE, RequestRecord, RequestsQuery
from mlx_manager_jupyter.services.requests import RequestLog

TEXT = (Path(__file__).parents[1] / "docs" / "requests.md").read_text("utf-8")


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_field_is_explained() -> None:
    cells = re.findall(r"^\| (.*?) \|", section("What is known of each"), re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(RequestRecord.__struct_fields__)


def test_the_query_and_the_forms_are_told() -> None:
    told = section("REST")
    for word in (*RequestsQuery.__struct_fields__, COLUMNS_TYPE, LINES_TYPE, "application/json"):
        assert f"`{word}`" in told


def test_the_numbers_are_those_of_the_code() -> None:
    assert RequestLog.keep_rows.default_value == 1_000_000
    assert f"pieces of {SEGMENT_ROWS:,}" in TEXT
    assert f"{RequestsQuery().limit} by default" in TEXT
