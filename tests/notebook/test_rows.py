"""What tables and progress lines say of models and downloads, and what is left of them in 60
columns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlx_manager_jupyter.errors import AmbiguousModel, DiskFull
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook import rows
from mlx_manager_jupyter.notebook.table import Column, plain, shorten
from mlx_manager_jupyter.schema import Download, Model

NOW = datetime.now(UTC)
HUB = [
    Model(
        id="mlx-community/Qwen3-30B-A3B-Instruct-2507-4bit",
        bits=4,
        size_bytes=17_200_000_000,
        context_length=262_144,
        capabilities=("tools", "reasoning"),
        downloads=123_456,
        fit="tight",
    ),
    Model(
        id="mlx-community/gemma-3-4b-it-8bit",
        bits=8,
        estimated_bytes=5_000_000_000,
        downloads=999,
        fit="fits",
        local=True,
        complete=True,
    ),
    Model(id="someone/half", local=True, partial_bytes=1_200_000_000, size_bytes=4_600_000_000),
]


def download(**facts: Any) -> Download:
    given: dict[str, Any] = {
        "id": "1f",
        "model": "a/Qwen3-8B-4bit",
        "state": "running",
        "created_at": NOW,
    }
    return Download(**(given | facts))


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (fmt.size(4_613_000_000), "4.6 GB"),
        (fmt.size(123_456_000_000), "123 GB"),
        (fmt.size(999_600_000), "1.0 GB"),
        (fmt.size(650_000_000), "650 MB"),
        (fmt.amount(1_950_000_000, 4_600_000_000), "1.9 of 4.6 GB"),
        (fmt.amount(0, 650_000_000), "0 of 650 MB"),
        (fmt.speed(84_400_000.3), "84 MB/s"),
        (fmt.percent(0.999), "99%"),
        (fmt.percent(1.0), "100%"),
        (fmt.count(999), "999"),
        (fmt.count(122_900), "123K"),
        (fmt.count(999_700), "1M"),
        (fmt.count(8_190_735_360), "8.19B"),
        (fmt.tokens(40_960), "40k"),
        (fmt.tokens(32_000), "32k"),
        (fmt.tokens(1_048_576), "1M"),
        (fmt.tokens(512), "512"),
        (fmt.ago(3), "now"),
        (fmt.ago(200), "3 minutes ago"),
        (fmt.ago(100_000), "yesterday"),
        (fmt.ago(700_000), "1 week ago"),
    ],
)
def test_figures_are_as_people_write_them(shown: str, expected: str) -> None:
    assert shown == expected


def test_a_table_of_models_has_what_is_known() -> None:
    header, *lines = plain(rows.model_columns(HUB), 200).splitlines()
    assert header.split() == ["model", "bits", "size", "context", "fit", "can", "downloads", "here"]
    assert lines[0].split() == [
        "mlx-community/Qwen3-30B-A3B-Instruct-2507-4bit", "4", "17.2", "GB", "256k", "tight",
        "tools", "reasoning", "123K",
    ]  # fmt: skip
    assert lines[1].endswith("✓")
    assert "≈ 5.0 GB" in lines[1]
    assert "1.2 of 4.6 GB" in lines[2]
    assert lines[2].endswith("partial")


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_terminal_keeps_what_matters(width: int) -> None:
    lines = plain(rows.model_columns(HUB), width).splitlines()
    assert max(map(len, lines)) <= width
    assert "4bit" in lines[1]
    for column in ("model", "bits", "size", "fit"):
        assert column in lines[0]


def test_the_width_of_nothing_is_no_fault() -> None:
    assert plain([Column("model", [])], 60) == "model"
    assert len(plain(rows.model_columns(HUB), 10).splitlines()) == 4


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (28, "mlx-community/Qwen3-30B-4bit"),
        (20, "…/Qwen3-30B-4bit"),
        (12, "Qwen3…B-4bit"),
        (11, "Qwen3…-4bit"),
    ],
)
def test_an_id_loses_its_author_then_its_middle(width: int, expected: str) -> None:
    assert shorten("mlx-community/Qwen3-30B-4bit", width) == expected


def test_progress_says_how_far_how_fast_and_how_long() -> None:
    running = download(
        bytes_done=2_350_000_000,
        bytes_total=4_600_000_000,
        rate=84e6,
        eta_seconds=26.8,
        files_done=2,
        files_total=9,
    )
    assert rows.line(running) == (
        "██████████░░░░░░░░░░ 51% · 2.4 of 4.6 GB · 84 MB/s · 26 s left · file 3 of 9"
    )


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"state": "queued"}, "waits for its turn"),
        ({"state": "running"}, "asking what there is to fetch"),
        ({"state": "paused", "bytes_done": 30, "bytes_total": 100}, "paused 30%"),
        ({"state": "verifying", "bytes_done": 5_000_000}, "checking every byte · 5 MB"),
        ({"state": "done", "bytes_done": 7_000_000}, "downloaded · 7 MB"),
        ({"state": "failed", "error": DiskFull("No room.").problem}, "failed · No room."),
        ({"state": "failed"}, "failed"),
        ({"state": "cancelled"}, "what it had fetched is gone"),
    ],
)
def test_every_state_has_its_words(facts: dict[str, Any], words: str) -> None:
    assert words in rows.line(download(**facts))


def test_one_that_waits_for_its_next_try_says_why_and_how_long() -> None:
    soon = datetime.now(UTC) + timedelta(minutes=59, seconds=50)
    waiting = download(state="queued", error=DiskFull("No room.").problem, retry_at=soon)
    assert "tries again in 59 m · No room." in rows.line(waiting)


def test_a_table_of_downloads_names_what_went_wrong() -> None:
    several = [
        download(bytes_done=40, bytes_total=100, rate=1e6, eta_seconds=60.0),
        download(id="2b", state="failed", error=DiskFull("No room.", "Free 2 GB.").problem),
    ]
    header, first, second = plain(rows.download_columns(several), 200).splitlines()
    assert header.split() == ["model", "state", "done", "bytes", "rate", "left", "id"]
    assert "40%" in first
    assert first.endswith("1f")
    assert "failed" in second
    assert rows.problems(several) == ["Qwen3-8B-4bit: No room. Free 2 GB."]
    assert max(map(len, plain(rows.download_columns(several), 60).splitlines())) <= 60


def test_candidates_have_a_line_each_and_are_not_told_twice() -> None:
    error = AmbiguousModel(
        "Several.", "Say more, or a whole id: a/b, a/c.", candidates=("a/b", "a/c")
    )
    assert fmt.hints(error) == ["Say more, or a whole id:", "  a/b", "  a/c"]
    assert fmt.hints(DiskFull("Full.", "Free some.")) == ["Free some."]
    assert fmt.hints(DiskFull("Full.")) == []
