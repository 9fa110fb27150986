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
from tests.client.live import PORTS
from tests.fixtures.hub import FakeHub
from tests.fixtures.jupyter import FAKE_ENGINE
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Iterator
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

    def json(self, *args: str) -> Any:
        """Run with ``--json`` and return the one document that it prints."""
        done = self.run(*args, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def says(self, *args: str, **env: str) -> str:
        """Run and return what it prints."""
        done = self.run(*args, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout

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


#: Small enough to fetch.
TINY = "mlx-community/Tiny-Chat-4bit"
QWEN = "mlx-community/Qwen3-8B-4bit"
#: Only in lists.
ROWS = [
    {"id": QWEN, "downloads": 900, "tags": ["mlx", "4-bit", "text-generation"]},
    {"id": "mlx-community/Qwen3-8B-8bit", "downloads": 300, "tags": ["mlx", "8-bit"]},
    {"id": "mlx-community/Qwen3-30B-A3B-Instruct-2507-8bit-DWQ", "tags": ["mlx", "8-bit"]},
]


@pytest.fixture(scope="module")
def module_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    folder = make("chat", tmp_path_factory.mktemp("hub") / "tiny")
    with FakeHub(repos={TINY: folder}) as running:
        running.list_only(ROWS)
        yield running


@pytest.fixture(scope="module")
def module_user(
    module_hub: FakeHub, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Commands]:
    """A user with a Hub, an engine and no Jupyter; commands share one daemon."""
    folder = tmp_path_factory.mktemp("user")
    config = folder / "config" / "jupyter_server_config.json"
    config.parent.mkdir()
    settings = {
        "MLXManager": {"engine_paths": {"mlx-lm": str(FAKE_ENGINE)}},
        "ServerManager": {"stop_grace": 0.5},
    }
    config.write_text(json.dumps(settings))
    env = module_hub.environment(folder / "hf") | {
        "HOME": str(folder),
        "JUPYTER_CONFIG_DIR": str(config.parent),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "MLX_MANAGER_HOME": str(folder / "mlx"),
        "MLX_MANAGER_GATEWAY_PORT": "0",
        **PORTS,
    }
    for name in ("MLX_MANAGER_JUPYTER_CONNECTION", "JPY_PARENT_PID", "COLUMNS"):
        env.pop(name, None)
    made = Commands(env)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()
    made.run("daemon", "stop")


@pytest.fixture
def hub(module_hub: FakeHub) -> Iterator[FakeHub]:
    module_hub.reset()
    yield module_hub
    module_hub.clear()


@pytest.fixture
def user(module_user: Commands, hub: FakeHub) -> Iterator[Commands]:  # noqa: ARG001  it runs
    """The same with nothing fetched and nothing on its way, now and afterwards."""
    yield module_user
    for _ in range(2):  # cancelled, then dismissed
        for download in module_user.json("downloads"):
            module_user.json("downloads", "cancel", download["id"])
    for here in module_user.json("models"):
        module_user.json("models", "rm", here["id"], "-y")
    module_user.json("models", "prune", "-y")
