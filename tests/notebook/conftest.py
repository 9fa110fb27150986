"""A real Jupyter server with a Hub of its own, and a real kernel that finds it as kernels do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.client.discovery import VARIABLE
from tests.client import live
from tests.fixtures.hub import FakeHub
from tests.fixtures.models import make
from tests.notebook.kernel import Kernel, started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.live import Jupyter

ROOT = Path(__file__).parents[2]


#: Small enough to fetch, and to serve.
TINY = "mlx-community/Tiny-Chat-4bit"
#: The same model by the name of a small one that the real Hub has, too: of the README.
SMOL = "mlx-community/SmolLM2-135M-Instruct"
QWEN = "mlx-community/Qwen3-8B-4bit"
#: Only in lists.
ROWS = [
    {"id": QWEN, "downloads": 900, "tags": ["mlx", "4-bit", "text-generation"]},
    {"id": "mlx-community/Qwen3-8B-8bit", "downloads": 300, "tags": ["mlx", "8-bit"]},
    {"id": "mlx-community/Qwen3-8B-4bit-DWQ", "downloads": 200, "tags": ["mlx", "4-bit"]},
    {"id": "mlx-community/gemma-3-4b-it-8bit", "downloads": 50, "tags": ["mlx", "8-bit"]},
]


@pytest.fixture(scope="session")
def session_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    folder = make("chat", tmp_path_factory.mktemp("hub") / "tiny")
    with FakeHub(repos={TINY: folder, SMOL: folder}) as hub:
        hub.list_only(ROWS)
        yield hub


@pytest.fixture
def hub(session_hub: FakeHub) -> Iterator[FakeHub]:
    session_hub.reset()
    yield session_hub
    session_hub.clear()


@pytest.fixture(scope="session")
def session_jupyter(
    session_hub: FakeHub, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Jupyter]:
    folder = tmp_path_factory.mktemp("jupyter")
    with live.running(folder, make("chat", folder / "tiny-chat"), session_hub) as jupyter:
        yield jupyter


@pytest.fixture
def jupyter(session_jupyter: Jupyter) -> Iterator[Jupyter]:
    yield session_jupyter
    session_jupyter.stop_all()


@pytest.fixture(scope="session")
def session_kernel(session_jupyter: Jupyter) -> Iterator[Kernel]:
    env = {**os.environ, VARIABLE: str(session_jupyter.connection), "PYTHONPATH": str(ROOT)}
    with started(env) as kernel:
        kernel.ok("%load_ext mlx_manager_jupyter\nimport mlx_manager_jupyter as mlx")
        yield kernel


@pytest.fixture
def kernel(session_kernel: Kernel, jupyter: Jupyter) -> Kernel:  # noqa: ARG001  it must run
    return session_kernel
