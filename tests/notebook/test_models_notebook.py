"""The notebook on models, as it ships and run from top to bottom, on a Hub of the loopback."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.cli.demo import notebook
from mlx_manager_jupyter.client.discovery import VARIABLE
from tests.client import live
from tests.fixtures.catalogue import rows
from tests.fixtures.hub import FakeHub
from tests.fixtures.models import make
from tests.notebook.conftest import QWEN, ROOT, SMOL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.live import Jupyter

NOTEBOOK = ROOT / "notebooks" / "02_models.ipynb"
#: So many that the words of the notebook have to be told apart.
CATALOGUE = 10_000


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """Nothing is here yet, and the Hub has what the notebook names."""
    folder = tmp_path_factory.mktemp("newcomer")
    model = make("chat", folder / "tiny-chat")
    with FakeHub(repos={SMOL: model}) as hub:
        hub.list_only(list(rows(CATALOGUE)))
        hub.add(SMOL, keep=True, info={"downloads": 1_000_000})
        with live.running(folder, model, hub) as jupyter:
            yield jupyter


def test_it_runs_from_top_to_bottom(newcomer: Jupyter) -> None:
    env = os.environ | {VARIABLE: str(newcomer.connection), "PYTHONPATH": str(ROOT)}
    cells = notebook.execute(NOTEBOOK, env, lambda _: None)
    said = {cell.source.partition("\n")[0]: cell.output for cell in cells}
    found = said["%mlx_search qwen3 8b --bits 4 --fits --limit 5"].splitlines()
    assert found[1].split()[0] == QWEN
    assert said['model = mlx.resolve("smollm2 135m instruct")'] == repr(SMOL)
    told, *candidates = said["from mlx_manager_jupyter.errors import AmbiguousModel"].splitlines()
    assert told == "'qwen3' can mean several models."
    assert all("Qwen3" in each for each in candidates)
    short, long = said["from mlx_manager_jupyter.client.client import Client"].splitlines()
    assert "for 8,192 tokens" in short
    assert "for 32,768 tokens" in long
    assert "downloaded" in said[f"%mlx_pull {SMOL}"]
    assert SMOL in said["%mlx_models"]
    assert "config.json" in said["(mine,) = [each for each in mlx.models() if each.id == model]"]
    assert said["checked = client.models.verify(model)"].startswith("whole · ")


def test_it_ships_clean() -> None:
    content = json.loads(NOTEBOOK.read_text("utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    cells = content["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
