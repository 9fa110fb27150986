from __future__ import annotations

import pytest

from mlx_manager_jupyter.notebook.durations import seconds_in


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45", 45),
        ("90s", 90),
        ("20m", 1_200),
        ("1h30m", 5_400),
        ("1h 30m", 5_400),
        ("1.5h", 5_400),
        (" 2D ", 172_800),
        ("1d2h3m4s", 93_784),
        ("0.5", 0.5),
    ],
)
def test_times_as_people_type_them(text: str, seconds: float) -> None:
    assert seconds_in(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "m",
        "20x",
        "20 minutes",
        "m20",
        "30m1h",
        "1h1h",
        "-5",
        "-5m",
        "1e3",
        "inf",
        "nan",
        "1,5h",
        "٣m",
    ],
)
def test_what_is_no_time_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="is no time: write it as 20m, 90s, 1h30m"):
        seconds_in(text)


@pytest.mark.parametrize("text", ["0", "0s", "0h0m", "9" * 400, "9" * 400 + "h"])
def test_a_time_must_be_more_than_nothing_and_have_an_end(text: str) -> None:
    with pytest.raises(ValueError, match="is no time to wait"):
        seconds_in(text)
