"""The command line as a process, and homes with and without the demo's model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from mlx_manager_jupyter.cli.demo import model

if TYPE_CHECKING:
    from pathlib import Path

MLX = [sys.executable, "-m", "mlx_manager_jupyter.cli"]


@dataclass
class Commands:
    """``jupyter mlx`` in an environment where pip finds what the test wants it to find."""

    env: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MLX, *args], env=self.env | env, capture_output=True, text=True, check=False
        )

    def fails(self, *args: str, **env: str) -> dict[str, Any]:
        """Run with ``--json`` and return the error."""
        done = self.run(*args, "--json", **env)
        assert done.returncode == 1, done.stderr
        assert done.stdout == ""
        error: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
        assert set(error) == {"code", "message", "hint"}
        return error

    def start(self, *args: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*MLX, *args],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # As from a shell: a process group of its own.
            process_group=0,
        )
        self.started.append(process)
        return process


@pytest.fixture
def commands(tmp_path: Path) -> Any:
    """Commands of a user without a home of their own, and without a package index."""
    env = os.environ | {
        "HOME": str(tmp_path / "user"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",  # nobody listens on "discard"
    }
    for name in ("MLX_MANAGER_HOME", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        env.pop(name, None)
    made = Commands(env)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


@pytest.fixture
def stocked(commands: Commands, package: Path) -> Commands:
    """The same, where pip finds the demo's package."""
    commands.env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(package)}
    return commands


@pytest.fixture
def home(built: Path, tmp_path: Path) -> Path:
    """State folder of this test's own, with the model."""
    folder = tmp_path / "state"
    (folder / "models").mkdir(parents=True)
    made = folder / "models" / model.NAME
    shutil.copytree(built / "models" / model.NAME, made, copy_function=os.link)
    return folder


def processes_of(home: Path) -> list[str]:
    """Every process that works for this state folder, whoever started it."""
    found = []
    for process in psutil.process_iter():
        try:
            argv, env = process.cmdline(), process.environ()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if env.get("MLX_MANAGER_HOME") == str(home) or any(str(home) in arg for arg in argv):
            found.append(f"{process.pid} {argv}")
    return found
