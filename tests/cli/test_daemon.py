"""The daemon: started on demand, never twice, found after Jupyter, gone when stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import MLX
from tests.client.live import until
from tests.fixtures.jupyter import Jupyter, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Commands


@pytest.fixture
def alone(commands: Commands, tmp_path: Path) -> Iterator[Commands]:
    """A user without any Jupyter, whose daemon is gone afterwards."""
    (tmp_path / "user").mkdir()
    commands.env |= {
        "MLX_MANAGER_HOME": str(tmp_path / "mlx"),
        "MLX_MANAGER_OFFLINE_MODE": "1",
        "HF_HOME": str(tmp_path / "hf"),
    }
    yield commands
    commands.run("daemon", "stop")


def doors(commands: Commands) -> list[str]:
    runtime = Path(commands.env["JUPYTER_RUNTIME_DIR"])
    return [file.name for file in runtime.glob("mlx-manager-jupyter-*.json")]


def test_a_command_starts_it_and_it_stays_until_it_is_stopped(alone: Commands) -> None:
    status = alone.json("daemon", "status")
    assert status["running"] is False
    assert alone.says("daemon", "status") == "No daemon runs.\n"
    done = alone.run("models", "--json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    status = alone.json("daemon", "status")
    assert status["running"] is True
    assert str(status["pid"]) in alone.says("daemon", "status")
    assert alone.json("daemon", "start")["pid"] == status["pid"]
    assert runs(status["pid"])

    log = Path(status["log"])
    assert log.stat().st_mode & 0o077 == 0
    assert "jupyterlab" not in log.read_text()  # only our extension
    connection = json.loads((Path(alone.env["JUPYTER_RUNTIME_DIR"]) / doors(alone)[0]).read_text())
    info = Path(alone.env["JUPYTER_RUNTIME_DIR"]) / f"jpserver-{status['pid']}.json"
    for secret in (connection["token"], json.loads(info.read_text())["token"]):
        assert secret
        assert secret not in log.read_text()

    stopped = alone.run("daemon", "stop")
    assert (stopped.returncode, stopped.stdout) == (0, "")
    assert "stopped" in stopped.stderr
    until(lambda: not runs(status["pid"]))
    assert doors(alone) == []
    assert alone.json("daemon", "stop")["running"] is False


def test_two_at_once_start_one(alone: Commands) -> None:
    several = [alone.start("models", "--json") for _ in range(3)]
    for process in several:
        stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stdout, stderr) == (0, "[]\n", "")
    assert len(doors(alone)) == 1


def test_a_killed_one_is_replaced(alone: Commands) -> None:
    first = alone.json("daemon", "start")["pid"]
    os.kill(first, signal.SIGKILL)
    until(lambda: not runs(first))
    assert alone.json("daemon", "status")["running"] is False
    assert alone.json("models") == []
    assert alone.json("daemon", "status")["pid"] != first


def test_one_that_does_not_come_up_is_told_with_its_log(alone: Commands, tmp_path: Path) -> None:
    config = tmp_path / "config" / "jupyter_server_config.json"
    config.parent.mkdir(exist_ok=True)
    config.write_text(json.dumps({"ServerApp": {"root_dir": "/no/such/luck"}}))
    done = alone.run("models")
    assert done.returncode == 1
    assert "The daemon ended while it started" in done.stderr
    assert "/no/such/luck" in done.stderr
    assert str(tmp_path / "mlx" / "daemon.log") in done.stderr
    assert alone.fails("models")["code"] == "extension_unreachable"


def test_a_home_that_cannot_be_is_told(alone: Commands, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    error = alone.fails("models", MLX_MANAGER_HOME=str(tmp_path / "a file" / "home"))
    assert error["code"] == "extension_unreachable"
    assert "MLX_MANAGER_HOME" in error["hint"]


def test_a_jupyter_comes_first(alone: Commands, tmp_path: Path) -> None:
    with Jupyter(tmp_path / "other") as jupyter:
        alone.env["JUPYTER_RUNTIME_DIR"] = str(tmp_path / "other" / "runtime")
        assert alone.json("models") == []
        assert alone.json("daemon", "status")["running"] is False
        daemon = alone.json("daemon", "start")
        log = Path(daemon["log"]).read_text()
        assert len(doors(alone)) == 2
        assert alone.json("models") == []
        assert Path(daemon["log"]).read_text() == log  # which notes what it is asked, was not asked
        jupyter.stop()
        assert alone.json("models") == []
        assert alone.json("daemon", "status")["pid"] == daemon["pid"]


def test_a_door_that_was_named_is_the_only_one(alone: Commands, tmp_path: Path) -> None:
    """Work must not silently go to another place."""
    alone.env["MLX_MANAGER_JUPYTER_CONNECTION"] = str(tmp_path / "gone.json")
    assert alone.fails("models")["code"] == "extension_unreachable"
    assert alone.json("daemon", "status")["running"] is False


def test_a_slow_start_is_explained_on_a_terminal(alone: Commands, tmp_path: Path) -> None:
    config = tmp_path / "config" / "jupyter_server_config.py"
    config.parent.mkdir(exist_ok=True)
    config.write_text("import time\ntime.sleep(1.5)")
    done = alone.run("models")
    assert done.returncode == 0
    assert "Starting MLX Manager" in done.stderr
    assert "✓" in done.stderr
    assert alone.run("models").stderr.startswith("0 models")


def test_ctrl_c_while_it_starts_leaves_nothing_undone(alone: Commands) -> None:
    process: Any = subprocess.Popen(
        [*MLX, "models"], env=alone.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lock = Path(alone.env["MLX_MANAGER_HOME"]) / "daemon.lock"
    until(lock.exists)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert alone.json("models") == []  # the daemon that was begun, or another
    assert len(doors(alone)) == 1
