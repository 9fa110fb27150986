"""Where engines are found, in which order, and what their help says: with real programs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.engines import (
    ENGINES,
    MLX_LM,
    Installation,
    find,
    find_all,
    installed,
    installed_at,
)
from mlx_manager_jupyter.adapters.engines.finding import NOTES
from mlx_manager_jupyter.adapters.engines.help_text import choices_in, flags_in
from mlx_manager_jupyter.errors import EngineMissing
from tests.adapters.engines import installation
from tests.fixtures.installations import openai_server

if TYPE_CHECKING:
    from pathlib import Path

SERVER = ENGINES["mlx-openai-server"]


def program(folder: Path, name: str = "mlx_lm.server", *, says: str = "--model M") -> Path:
    """A program in a ``bin`` that counts how often it was asked."""
    path = folder / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho asked >> '{folder}/asked'\necho '  {says}'\n", "utf-8")
    path.chmod(0o755)
    return path


def asked(folder: Path) -> int:
    path = folder / "asked"
    return len(path.read_text("utf-8").splitlines()) if path.exists() else 0


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """An engine in every place where one may be; the programs, by place."""
    managed = program(tmp_path / "engines" / "mlx-lm" / "0.32.2")
    (tmp_path / "engines" / "mlx-lm" / "current").symlink_to("0.32.2")
    here = program(tmp_path / "here")
    monkeypatch.setattr(sys, "executable", str(here.with_name("python")))
    on_path = program(tmp_path / "path")
    monkeypatch.setenv("PATH", f"{on_path.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("UV_TOOL_DIR", str(tmp_path / "tools"))
    return {
        "configured": program(tmp_path / "own"),
        "managed": managed,
        "environment": here,
        "path": on_path,
        "uv-tool": program(tmp_path / "tools" / "mlx-lm"),
    }


def test_the_first_of_all_places_is_used(tmp_path: Path, places: dict[str, Path]) -> None:
    configured: str | None = str(places["configured"])
    for source, path in places.items():
        found = find(MLX_LM, configured, tmp_path / "engines")
        assert (found.source, found.path) == (source, str(path))
        rest = find_all(MLX_LM, configured, tmp_path / "engines")
        order = list(places)
        assert [one.source for one in rest] == order[order.index(source) :]
        configured = None
        path.unlink()
    with pytest.raises(EngineMissing):
        find(MLX_LM, None, tmp_path / "engines")
    assert find_all(MLX_LM, None, tmp_path / "engines") == ()


def test_one_that_is_found_twice_is_one(places: dict[str, Path]) -> None:
    places["path"].unlink()
    places["path"].symlink_to(places["environment"])
    assert [one.source for one in find_all(MLX_LM)] == ["environment", "uv-tool"]


def test_uv_keeps_tools_where_data_lies(
    tmp_path: Path, places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in ("environment", "path"):
        places[source].unlink()
    monkeypatch.delenv("UV_TOOL_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(EngineMissing):
        find(MLX_LM)
    at_home = program(tmp_path / "home" / ".local" / "share" / "uv" / "tools" / "mlx-lm")
    data = program(tmp_path / "data" / "uv" / "tools" / "mlx-lm")
    assert find(MLX_LM).path == str(data)
    monkeypatch.delenv("XDG_DATA_HOME")
    assert find(MLX_LM).path == str(at_home)


def test_what_needs_no_program_is_always_there() -> None:
    for kind in ("remote", "command"):
        (found,) = find_all(ENGINES[kind])
        assert (found.source, found.path, found.flags) == ("built-in", None, frozenset())


def test_the_version_is_read_and_nothing_is_started(tmp_path: Path) -> None:
    path = openai_server(tmp_path / "tool", "1.7.1")
    linked = tmp_path / "mlx-openai-server"
    linked.symlink_to(path)
    for one in (path, linked):
        assert installed_at(SERVER, one).version == "1.7.1"
    assert installed_at(MLX_LM, program(tmp_path / "bare")).version is None
    assert asked(tmp_path / "bare") == 0


def test_its_help_is_that_of_the_command_that_serves(tmp_path: Path) -> None:
    found = installed_at(SERVER, openai_server(tmp_path / "tool", "1.7.1"))
    assert found.command[1:] == ("launch",)
    assert found.help == installation("mlx-openai-server", "1.7.1").help
    assert "--served-model-name" in found.flags
    assert "--kv-bits" not in found.flags
    assert "gemma4" in found.choices("--tool-call-parser")
    assert found.choices("--port") == ()


def test_it_is_asked_once_and_again_when_it_changed(tmp_path: Path) -> None:
    path = program(tmp_path, says="--kv-bits N")
    found = installed_at(MLX_LM, path)
    assert found.flags == installed_at(MLX_LM, path).flags == {"--kv-bits"}
    assert asked(tmp_path) == 1
    program(tmp_path, says="--temp T")
    os.utime(path, ns=(1, 1))
    assert installed_at(MLX_LM, path).flags == {"--temp"}
    assert asked(tmp_path) == 2


def test_what_it_said_outlives_us(tmp_path: Path) -> None:
    path, managed = program(tmp_path / "own"), tmp_path / "engines"
    for _ in range(2):
        assert installed_at(MLX_LM, path, managed=managed).flags == {"--model"}
        installed._help.cache_clear()  # as another Jupyter server has forgotten it
    assert asked(tmp_path / "own") == 1
    (note,) = (managed / NOTES).iterdir()
    note.write_bytes(b"\xff")
    assert installed_at(MLX_LM, path, managed=managed).flags == {"--model"}
    assert asked(tmp_path / "own") == 2, "a damaged note is no help"


@pytest.mark.parametrize("script", ["exit 3", "exec /nowhere/python", "printf '\\377'"])
def test_one_that_cannot_even_print_its_help_is_told(tmp_path: Path, script: str) -> None:
    path = program(tmp_path)
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    found = installed_at(MLX_LM, path)
    with pytest.raises(EngineMissing, match="--help does not work"):
        assert found.flags
    path.unlink()
    with pytest.raises(EngineMissing, match="--help does not work"):
        assert Installation("mlx-lm", (str(path),)).flags


def test_options_are_told_from_what_explanations_mention() -> None:
    text = installation("mlx-openai-server", "1.8.1").help
    assert "--served-model-name" in flags_in(text)
    only_lists = "Options:\n  --real INT  as --mentioned, or\n              --also-mentioned does\n"
    assert flags_in(only_lists) == {"--real"}
    both = flags_in(installation("mlx-vlm").help)
    assert {"--thinking-end-token", "--thinking-eos-token"} <= both, "two names of one option"


def test_values_are_read_as_argparse_and_click_write_them() -> None:
    assert choices_in(installation("mlx-lm").help)["--log-level"][0] == "DEBUG"
    listed = choices_in(installation("mlx-openai-server", "1.8.1").help)
    assert listed["--log-level"][-1] == "CRITICAL"
    assert {"qwen3_coder", "gemma4"} <= set(listed["--tool-call-parser"])
    assert "--kv-bits" not in listed


@pytest.mark.engine
@pytest.mark.parametrize("kind", ["mlx-lm", "mlx-vlm"])
def test_what_is_installed_here_still_has_every_flag(kind: str) -> None:
    engine = next(one for one in ENGINES.values() if one.kind == kind)
    found = find(engine)
    assert found.version
    assert {flag.name for flag in engine.flags.values()} <= found.flags
    assert engine.honoured(found) == engine.honoured()
