"""The notebook on profiles, as it ships and run from top to bottom, on the real mlx-lm."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.cli.demo import notebook
from mlx_manager_jupyter.client.discovery import VARIABLE
from tests.client.live import PORTS
from tests.fixtures.jupyter import Jupyter
from tests.fixtures.models import SAYS, make
from tests.notebook.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTEBOOK = ROOT / "notebooks" / "03_profiles.ipynb"
#: Its question is answered with what the one model that thinks says.
KIND = "think"


@pytest.fixture
def jupyter(tmp_path: Path) -> Iterator[Jupyter]:
    """As the demo leaves it: a small model, and a profile of it."""
    with Jupyter(tmp_path, engine=None, env=PORTS) as running:
        model = str(make(KIND, tmp_path / "smollm2"))
        running.api("profiles", method="POST", body={"name": "smollm2", "model": model})
        yield running


@pytest.mark.engine
def test_it_runs_from_top_to_bottom(jupyter: Jupyter) -> None:
    env = os.environ | {VARIABLE: str(jupyter.connection_file), "PYTHONPATH": str(ROOT)}
    cells = notebook.execute(NOTEBOOK, env, lambda _: None)
    said = {cell.source.partition("\n")[0]: cell.output for cell in cells}
    assert "terse" in said['model = mlx.profile("smollm2").model']
    wrong = said["mistakes = ("].splitlines()
    for word, line in zip(
        ("at most 2, not 5", "'temperatur'", "mlx-openai-server"), wrong, strict=True
    ):
        assert word in line
    assert "ready" in said["%mlx_serve terse --ttl 30m"]
    assert SAYS[KIND] in said["%%mlx_chat terse -o answer"]
    edited = said['mlx.profile("terse", max_tokens=20, description="for one-liners")']
    assert "restart to apply" in edited
    assert "ready" in said["%mlx_restart terse"]
    assert said["%mlx_logs terse -n 5"]
    assert said["from openai import OpenAI"].splitlines()[-1].endswith("tokens")
    assert "stopped" in said["%mlx_stop terse"]
    assert jupyter.api("servers") == []


def test_it_ships_clean() -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
