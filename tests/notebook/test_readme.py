"""The README's examples, run as they stand in a real kernel against a real extension."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.schema import Profile

if TYPE_CHECKING:
    from tests.client.live import Jupyter
    from tests.notebook.kernel import Kernel

TOUR = (Path(__file__).parents[2] / "README.md").read_text("utf-8").partition("## The tour")[2]
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TOUR, re.MULTILINE | re.DOTALL)
CELLS = [block for language, block in BLOCKS if language in {"", "python"}]


def test_the_tour_has_cells() -> None:
    assert len(CELLS) >= 3
    for name in ("%mlx_serve", "%mlx_stop", "%mlx_status", "%mlx_logs", "%%mlx_chat", "mlx.chat"):
        assert any(name in cell for cell in CELLS), name


def test_the_tour_runs(kernel: Kernel, jupyter: Jupyter) -> None:
    with jupyter.using() as client:
        client.profiles.create(Profile(name="smollm2", model=str(jupyter.model)))
    try:
        for cell in CELLS:
            kernel.ok(cell)
    finally:
        with jupyter.using() as client:
            client.profiles.delete("smollm2")
    assert kernel.value("answer.model") == str(jupyter.model)
    assert "Paris" in kernel.value("reply.text")


@pytest.mark.parametrize("name", ["serve", "servers", "stop", "chat", "ServersPanel", "Reply"])
def test_every_public_name_is_in_the_tour(name: str) -> None:
    assert re.search(rf"\b{name}\b", TOUR), name
