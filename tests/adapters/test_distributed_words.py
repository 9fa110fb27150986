"""What the launcher and its ranks say when something goes wrong, in words for a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlx_manager_jupyter.adapters.engines import MLX_LM
from mlx_manager_jupyter.adapters.process.run_log import readable
from mlx_manager_jupyter.errors import (
    EngineCrashed,
    EngineMissing,
    InvalidValue,
    OutOfMemory,
    PortTaken,
)

RECORDED = Path(__file__).parent / "recorded" / "mlx_launch-0.32.4"


@pytest.mark.parametrize(
    ("recorded", "error", "said"),
    [
        ("heads", EngineCrashed, "Rank 1 crashed (signal 6), so the other ranks were ended."),
        ("aborted", EngineCrashed, "Rank 1 crashed (signal 6)"),
        ("killed", EngineCrashed, "Rank 0 was killed"),
        ("port_taken", PortTaken, "one of the ports that the ranks talk through"),
        ("no_engine", EngineMissing, "did not find the engine"),
    ],
)
def test_the_launchers_own_words(recorded: str, error: type[Exception], said: str) -> None:
    tail = [readable(line) for line in (RECORDED / f"{recorded}.log").read_bytes().splitlines()]
    told = MLX_LM.diagnose("exited", tail[-1], tail, exit_code=0)
    assert isinstance(told, error)
    assert said in told.message
    assert told.hint


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("Failed to change directory to '/models/m'", InvalidValue),
        ("[WARN] Node with rank 1 exited with code 255", EngineCrashed),
        ("[WARN] Node with rank 2 exited with code 3", EngineCrashed),
        ("[metal::malloc] Attempting to allocate too much", OutOfMemory),
        ("mlx_lm.server: error: unrecognized arguments: --no-such-flag", InvalidValue),
    ],
)
def test_more_words_of_a_rank(line: str, error: type[Exception]) -> None:
    tail = [line, "Node with rank 0 exited with code -15"]
    tail += [] if "Node" in line else ["[WARN] Node with rank 1 exited with code 1"]
    assert isinstance(MLX_LM.diagnose("exited", tail[-1], tail, exit_code=0), error)


def test_the_end_of_the_others_is_no_cause() -> None:
    tail = ["[WARN] Node with rank 0 exited with code -15", "[WARN] Node with rank 1 was killed"]
    told = MLX_LM.diagnose("exited", tail[-1], tail, signal=9)
    assert "Rank" not in told.message
