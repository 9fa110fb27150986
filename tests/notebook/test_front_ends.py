"""Other places than a notebook page: a headless run, a terminal, a plain script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from mlx_manager_jupyter.client.discovery import VARIABLE

if TYPE_CHECKING:
    from tests.client.live import Jupyter

ROOT = Path(__file__).parents[2]


def notebook_of(*cells: str) -> nbformat.NotebookNode:
    """An unsaved notebook."""
    cell: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}}
    sources = [{**cell, "outputs": [], "source": source} for source in cells]
    whole = {"cells": sources, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    notebook: nbformat.NotebookNode = nbformat.from_dict(whole)  # type: ignore[no-untyped-call]
    return notebook


def run_all(jupyter: Jupyter, notebook: nbformat.NotebookNode) -> None:
    """Run it headless, as CI does."""
    env = {**os.environ, VARIABLE: str(jupyter.connection), "PYTHONPATH": str(ROOT)}
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute(env=env)


def test_a_headless_run_keeps_the_answer(jupyter: Jupyter) -> None:
    jupyter.serve("tiny")
    notebook = notebook_of("%load_ext mlx_manager_jupyter", "%%mlx_chat tiny\nCapital?")
    run_all(jupyter, notebook)
    nbformat.validate(notebook)
    (output,) = notebook.cells[1].outputs
    assert output.data.keys() == {"text/markdown", "text/plain"}
    assert output.data["text/markdown"].startswith("The capital of France is Paris.\n\n<small ")
    assert output.metadata["mlx_manager_jupyter"]["server"] == "tiny"


@pytest.mark.parametrize(
    "wrong", ["%mlx_serve org/none", "%mlx_stop", "%%mlx_chat nobody\nhi", "mlx.chat('')"]
)
def test_an_error_stops_run_all(jupyter: Jupyter, wrong: str) -> None:
    load = "%load_ext mlx_manager_jupyter\nimport mlx_manager_jupyter as mlx"
    notebook = notebook_of(load, wrong, "print('never')")
    with pytest.raises(CellExecutionError):
        run_all(jupyter, notebook)
    assert notebook.cells[2].outputs == []


def python(jupyter: Jupyter, *argv: str, expect: int = 0) -> str:
    env = {**os.environ, VARIABLE: str(jupyter.connection), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *argv], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout


def test_a_terminal_gets_text(jupyter: Jupyter, tmp_path: Path) -> None:
    script = tmp_path / "session.ipy"
    env = jupyter.env(reasoning="Let me see", load_seconds=0.5)
    script.write_text(
        "%load_ext mlx_manager_jupyter\n"
        "import mlx_manager_jupyter as mlx\n"
        f"server = mlx.serve({str(jupyter.model)!r}, name='tiny', env={env!r})\n"
        "%mlx_status\n"
        "get_ipython().run_cell_magic('mlx_chat', 'tiny', 'Capital?')\n"
        "%mlx_stop tiny\n"
    )
    said = python(jupyter, "-m", "IPython", "--colors=nocolor", str(script)).splitlines()
    assert any(line.startswith("● tiny ready in ") for line in said)
    assert any(line.startswith("tiny  ready  tiny-chat") for line in said)
    start = said.index("thinking…")
    assert said[start + 1] == "The capital of France is Paris."
    assert said[start + 3].startswith("thought for ")
    assert " · tiny · 1 → 9 tokens" in said[start + 3]
    assert said[-1] == "tiny stopped."
    assert "Let me see" not in said


def test_a_script_is_told_nothing_it_did_not_ask(jupyter: Jupyter) -> None:
    jupyter.serve("tiny")
    code = (
        "import mlx_manager_jupyter as mlx\n"
        f"mlx.serve({str(jupyter.model)!r}, name='tiny', env={jupyter.env()!r})\n"
        "print(mlx.chat('Capital?'))"
    )
    assert python(jupyter, "-c", code) == "The capital of France is Paris.\n"
