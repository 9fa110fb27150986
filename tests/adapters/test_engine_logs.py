"""What engines wrote into their logs when they failed, or did not: recorded from real runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.adapters.process.run_log import RunLog
from tests.adapters.engines import RECORDED, VERSIONS, folder, log

if TYPE_CHECKING:
    from pathlib import Path

    from mlx_manager_jupyter.schema import EngineKind

#: As many as `services.servers` hands over when an engine fails.
TAIL = 20

#: By engine, log and how it ended there: the exit code, or None if it lived on. With the error.
FAILURES: list[tuple[EngineKind, str, int | None, tuple[str, str]]] = [
    ("mlx-lm", "badflag", 2, ("invalid_value", "--nope")),
    ("mlx-lm", "badtype", None, ("unsupported_model", "nosuch")),
    ("mlx-lm", "corrupt", None, ("corrupt_weights", "Invalid json header")),
    ("mlx-lm", "missingpath", None, ("start_failed", "Repo id must")),
    ("mlx-lm", "missingrepo_offline", None, ("start_failed", "snapshot folder")),
    ("mlx-lm", "notok", None, ("model_unusable", "tokenizer")),
    ("mlx-lm", "portused", None, ("port_taken", "port")),
    ("mlx-vlm", "badflag", 2, ("invalid_value", "--nope")),
    ("mlx-vlm", "badtype", 3, ("unsupported_model", "nosuch")),
    ("mlx-vlm", "corrupt", 3, ("corrupt_weights", "Invalid json header")),
    ("mlx-vlm", "missingpath", 3, ("start_failed", "Repo id must")),
    ("mlx-vlm", "portused", -6, ("port_taken", "port")),
    ("mlx-openai-server", "badflag", 2, ("invalid_value", "--nope")),
    ("mlx-openai-server", "corrupt", 0, ("corrupt_weights", "Invalid json header")),
    ("mlx-openai-server", "missingpath", 0, ("start_failed", "Repo id must")),
    ("mlx-openai-server", "portused", 1, ("port_taken", "port")),
]
HEALTHY: list[tuple[EngineKind, str]] = [
    ("mlx-lm", "healthy"),
    ("mlx-vlm", "healthy"),
    ("mlx-vlm", "embeddings"),
    ("mlx-vlm", "signals"),
    ("mlx-vlm", "context"),
    ("mlx-vlm", "misc"),
    ("mlx-openai-server", "healthy"),
    ("mlx-openai-server", "multi"),
    ("mlx-openai-server", "tinychat"),
]

#: What an engine's own libraries say when there is no memory left. Not recorded: mlx's and the
#: driver's own words, as their sources and bug reports have them.
NO_MEMORY = [
    "RuntimeError: [metal::malloc] Attempting to allocate 41231686144 bytes which is greater than.",
    "Command buffer execution failed: (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
    "RuntimeError: [malloc] Unable to allocate 99999744000 bytes.",
    "std::bad_alloc",
    "MemoryError",
]


def plain(kind: EngineKind, name: str, tmp_path: Path) -> list[str]:
    """The lines as supervision reads them from the file: without colours."""
    copy = tmp_path / "run.log"
    copy.write_bytes((folder(kind, VERSIONS[kind][-1]) / f"{name}.log").read_bytes())
    seen = RunLog(copy, lambda _: False)
    seen.read_all()
    return seen.tail(2000)


def test_every_recorded_log_is_looked_at() -> None:
    looked = {(kind, name) for kind, name, *_ in FAILURES} | set(HEALTHY)
    there = {
        (kind, path.stem)
        for kind, versions in VERSIONS.items()
        for version in versions
        for path in folder(kind, version).glob("*.log")
    }
    assert there == looked


@pytest.mark.parametrize(("kind", "name", "code", "told_as"), FAILURES)
def test_a_failure_is_told_apart(
    tmp_path: Path, kind: EngineKind, name: str, code: int | None, told_as: tuple[str, str]
) -> None:
    engine, lines, (error, words) = ENGINES[kind], plain(kind, name, tmp_path), told_as
    fatal = next((line for line in lines if engine.is_fatal(line)), None)
    if code is None:
        assert fatal, "or nobody would ever notice: it lives on"
    how = "fatal_line" if fatal else "exited"
    exit_code = code if code is not None and code >= 0 else None
    signal = -code if code is not None and code < 0 else None
    told = engine.diagnose(how, fatal or "", lines[-TAIL:], exit_code=exit_code, signal=signal)
    assert told.code == error, told
    assert words in told.message
    assert told.hint
    assert "\x1b" not in str(told)


@pytest.mark.parametrize(("kind", "name"), HEALTHY)
def test_a_log_without_a_failure_says_nothing_fatal(
    tmp_path: Path, kind: EngineKind, name: str
) -> None:
    lines = plain(kind, name, tmp_path)
    assert len(lines) > 10
    assert [line for line in lines if ENGINES[kind].is_fatal(line)] == []


@pytest.mark.parametrize("kind", ["mlx-lm", "mlx-vlm", "mlx-openai-server", "command"])
@pytest.mark.parametrize("line", NO_MEMORY)
def test_no_memory_left_is_told_of_every_engine(kind: EngineKind, line: str) -> None:
    told = ENGINES[kind].diagnose("exited", "", ["before", line, "after"], signal=6)
    assert told.code == "out_of_memory"
    assert "smaller" in (told.hint or "")


@pytest.mark.parametrize("kind", ["mlx-lm", "mlx-vlm", "mlx-openai-server", "command"])
def test_an_end_without_a_word_is_told_by_how_it_ended(kind: EngineKind) -> None:
    engine = ENGINES[kind]
    for how, words in (
        ({"exit_code": 0}, "exit code 0"),
        ({"exit_code": 7}, "exit code 7"),
        ({"signal": 9}, "signal 9"),
    ):
        told = engine.diagnose("exited", "", [], **how)
        assert told.code == "engine_crashed"
        assert words in told.message
    killed = engine.diagnose("exited", "", [], signal=9)
    assert "memory" in (killed.hint or "")
    assert engine.diagnose("spawn", "no such file", []).code == "start_failed"
    assert engine.diagnose("timeout", "Not ready after 600 seconds.", []).code == "start_failed"
    assert engine.diagnose("port_taken", "Port 1 is taken.", []).code == "port_taken"


def test_a_program_that_lost_its_packages_is_told() -> None:
    line = "ModuleNotFoundError: No module named 'mlx'"
    for kind in ("mlx-lm", "mlx-vlm", "mlx-openai-server"):
        told = ENGINES[kind].diagnose("exited", "", ["Traceback", line], exit_code=1)
        assert told.code == "engine_crashed"
        assert "'mlx'" in told.message
        assert "again" in (told.hint or "")


def test_mlx_openai_server_writes_colours_into_its_file(tmp_path: Path) -> None:
    raw = log("mlx-openai-server", "healthy")
    assert any("\x1b[" in line for line in raw)
    assert not any("\x1b" in line for line in plain("mlx-openai-server", "healthy", tmp_path))


def test_no_recording_names_a_place_of_the_machine_that_made_it() -> None:
    place = re.compile(r"/(?:root|home|Users|work|tmp|private)/")
    for path in (path for path in RECORDED.rglob("*") if path.is_file()):
        assert not place.search(path.read_text("utf-8")), path
