"""What every test stands on: Jupyter's own test plugin, and a state folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pytest_jupyter.jupyter_server"]


@pytest.fixture(autouse=True)
def mlx_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test, and every process it starts, away from the state of the person testing."""
    home = tmp_path / "mlx-home"
    monkeypatch.setenv("MLX_MANAGER_HOME", str(home))
    # A developer's own Jupyter must not be found, nor found busy.
    monkeypatch.delenv("MLX_MANAGER_JUPYTER_CONNECTION", raising=False)
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.setenv("MLX_MANAGER_GATEWAY_PORT", "0")
    return home
