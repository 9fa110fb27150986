"""What a table says of servers: only what says something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlx_manager_jupyter.notebook.server_rows import notes, remarks, server_columns
from mlx_manager_jupyter.notebook.servers import Servers
from mlx_manager_jupyter.notebook.table import plain
from mlx_manager_jupyter.schema import Problem, Progress, Server, ServerLoad

ERROR = Problem(code="out_of_memory", message="There was no memory left.", hint="Take a smaller.")


def server(name: str = "tiny", **fields: Any) -> Server:
    return Server(name=name, model="org/Tiny-4bit", engine="mlx-lm", **{"state": "ready", **fields})


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"health": "ok"}, []),
        ({"health": "busy"}, ["busy"]),
        ({"health": "silent"}, ["does not answer"]),
        ({"health": "silent", "state": "failed"}, []),
        ({"restarts": 1}, ["restarted once"]),
        ({"restarts": 2}, ["restarted twice"]),
        ({"restarts": 5}, ["restarted 5 times"]),
        ({"restart_to_apply": True}, ["restart to apply"]),
        (
            {"health": "busy", "restarts": 3, "restart_to_apply": True},
            ["busy", "restarted 3 times", "restart to apply"],
        ),
    ],
)
def test_notes_say_what_one_should_know(fields: dict[str, Any], says: list[str]) -> None:
    assert notes(server(**fields)) == says


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(90.5, "tries again in 1 m"), (0.5, "tries again"), (-3, "tries again")],
)
def test_a_failed_one_says_when_it_is_tried_again(seconds: float, says: str) -> None:
    assert notes(server(state="failed", retry_at=soon(seconds))) == [says]


def test_a_healthy_table_has_no_column_for_notes() -> None:
    loads = {"tiny": ServerLoad(memory_bytes=2**30)}
    header, row = plain(server_columns([server(port=10240)], loads), 200).splitlines()
    assert header.split() == ["name", "state", "model", "engine", "memory", "port"]
    assert row.split() == ["tiny", "ready", "Tiny-4bit", "mlx-lm", "1.0", "GB", "10240"]


def test_a_narrow_table_keeps_name_and_state() -> None:
    shown = plain(server_columns([server("t" * 40, port=10240)], {}), 40)
    assert max(map(len, shown.splitlines())) <= 40
    assert "ready" in shown


def test_a_failure_has_its_sentence_below_the_table_and_a_word_in_it() -> None:
    failed = server("bad", state="failed", error=ERROR, port=10240)
    assert "10240" not in repr(Servers([failed])), "another one may have it by now"
    sentence = "bad: There was no memory left. Take a smaller."
    assert remarks([server(), failed]) == [sentence]
    assert remarks([server(note="Memory is tight.")]) == ["tiny: Memory is tight."]
    table = Servers([server(), failed])
    assert repr(table).splitlines()[-1] == sentence
    assert [line.split()[:2] for line in repr(table).splitlines()[1:3]] == [
        ["tiny", "ready"],
        ["bad", "failed"],
    ]
    html = table._repr_html_()
    assert html.endswith(f"<p>{sentence}</p>")
    assert html.count("no memory") == 1


def test_how_far_a_start_is_stands_in_the_state() -> None:
    progress = Progress(
        stage="loading weights", done_bytes=2_400_000_000, total_bytes=3_900_000_000
    )
    loading = server(state="loading", progress=progress)
    assert "loading weights, 2.4 GB of 3.9 GB" in plain(server_columns([loading], {}), 200)


def test_html_is_escaped() -> None:
    nasty = Server(name="x", model="/models/<b>bold</b>", engine="command", state="ready")
    assert "<b>bold" not in Servers([nasty])._repr_html_()
