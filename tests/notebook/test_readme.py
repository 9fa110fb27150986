"""The README's examples, run as they stand: cells in a real kernel, commands as processes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import mlx_manager_jupyter as mlx
from mlx_manager_jupyter.client.discovery import VARIABLE
from mlx_manager_jupyter.schema import Profile
from tests.notebook.conftest import QWEN, SMOL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.live import Jupyter
    from tests.notebook.kernel import Kernel

ROOT = Path(__file__).parents[2]
TOUR = (ROOT / "README.md").read_text("utf-8").partition("## The tour")[2]
DETAILS = (ROOT / "docs" / "models.md").read_text("utf-8")


def blocks(text: str, *languages: str) -> list[str]:
    """What stands between fences."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block for language, block in found if language in languages]


CELLS = blocks(TOUR, "", "python")
MAGICS = (
    "%mlx_serve %mlx_stop %mlx_restart %mlx_status %mlx_logs %mlx_env %mlx_search %mlx_pull"
    " %mlx_models %mlx_profiles %%mlx_chat"
)


@pytest.fixture
def clean(jupyter: Jupyter) -> Iterator[None]:
    yield
    jupyter.stop_all()
    jupyter.remove_all()


@pytest.mark.usefixtures("clean")
def test_the_tour_runs(kernel: Kernel, jupyter: Jupyter) -> None:
    with jupyter.using() as client:
        client.profiles.create(Profile(name="smollm2", model=str(jupyter.model)))
    try:
        for cell in CELLS:
            kernel.ok(cell)
    finally:
        with jupyter.using() as client:
            for profile in client.profiles.list():
                client.profiles.delete(profile.name)
    assert kernel.value("name") == QWEN
    assert kernel.value("[model.id for model in mlx.models()]") == f"['{SMOL}']"
    assert kernel.value("answer.model") == str(jupyter.model)
    assert "Paris" in kernel.value("reply.text")


@pytest.mark.usefixtures("clean")
def test_the_commands_of_the_tour_run(jupyter: Jupyter) -> None:
    (block,) = blocks(TOUR, "bash")
    said = {command: _say(jupyter, command) for command in block.splitlines()}
    assert said["jupyter mlx resolve qwen3 8b 4bit"] == f"{QWEN}\n"
    assert QWEN in next(iter(said.values()))
    with jupyter.using() as client:
        assert client.models.library().models == 0


@pytest.mark.usefixtures("clean")
def test_the_commands_with_json_print_one_document(jupyter: Jupyter) -> None:
    (block,) = blocks(DETAILS, "bash")
    rows = re.findall(r"^\| `([a-z]+(?: [a-z]+)?)[^|]*\|([^|]*)\|$", DETAILS, re.MULTILINE)
    promised = {command: re.findall(r"`(\w+)`", told) for command, told in rows}
    for command in block.splitlines():
        assert command.endswith(" --json")
        told = json.loads(_say(jupyter, command))
        words = command.split()[2:4]
        names = promised.get(" ".join(words)) or promised[words[0]]
        one = told[0] if isinstance(told, list) else told
        assert set(names) <= set(one), command


def _say(jupyter: Jupyter, command: str) -> str:
    """What a command prints; it must succeed."""
    program, noun, *words = shlex.split(command)
    assert (program, noun) == ("jupyter", "mlx")
    argv = [sys.executable, "-m", "mlx_manager_jupyter.cli", *words]
    env = os.environ | {VARIABLE: str(jupyter.connection)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


@pytest.mark.parametrize("magic", MAGICS.split())
def test_every_magic_is_in_the_tour(magic: str) -> None:
    assert any(re.search(rf"^{magic}\b", cell, re.MULTILINE) for cell in CELLS)


@pytest.mark.parametrize("name", [name for name in mlx.__all__ if not name.startswith("__")])
def test_every_public_name_is_in_the_tour(name: str) -> None:
    assert re.search(rf"\b{name}\b", TOUR), name
