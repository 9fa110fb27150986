"""What is loaded when Jupyter starts: nothing that only work on models needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Tens or hundreds of milliseconds each, and what knows models a third of our own share of a start.
ON_USE = [
    "huggingface_hub",
    "httpx2",
    "rapidfuzz",
    "pandas",
    "numpy",
    "mlx_manager_jupyter.services.models.facts",
    "mlx_manager_jupyter.services.models.fit",
    "mlx_manager_jupyter.services.models.index",
    "mlx_manager_jupyter.services.models.kv",
    "mlx_manager_jupyter.services.models.resolve",
]


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    code = "import sys, mlx_manager_jupyter.extension.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", ON_USE)
def test_it_comes_with_its_first_use(name: str, loaded: set[str]) -> None:
    assert "mlx_manager_jupyter.services.models.manager" in loaded
    assert name not in loaded
