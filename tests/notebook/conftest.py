"""A real Jupyter server, and a real kernel that finds it as kernels do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.client.discovery import VARIABLE
from tests.client import live
from tests.fixtures.models import make
from tests.notebook.kernel import Kernel, started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.live import Jupyter

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def session_jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    folder = tmp_path_factory.mktemp("jupyter")
    with live.running(folder, make("chat", folder / "tiny-chat")) as jupyter:
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
