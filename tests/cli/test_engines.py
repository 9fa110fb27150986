"""``jupyter mlx engines`` and ``doctor``: by a daemon, from small local wheels."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter import __version__
from mlx_manager_jupyter.adapters.environments import end_orphans
from tests.cli.conftest import Commands
from tests.fixtures import wheels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "hf_thisIsNobodysBusiness"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("user")


@pytest.fixture(scope="module")
def index(folder: Path) -> Path:
    return wheels.index(folder / "wheels", "0.1.0")


@pytest.fixture(scope="module")
def user(folder: Path, index: Path) -> Iterator[Commands]:
    """Somebody without Jupyter; all commands of this file share one daemon."""
    env = os.environ | wheels.environment(index)
    env |= {
        "HOME": str(folder),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "MLX_MANAGER_HOME": str(folder / "mlx"),
        "MLX_MANAGER_GATEWAY_PORT": "0",
        "MLX_MANAGER_OFFLINE_MODE": "1",
        "HF_TOKEN": SECRET,
    }
    for name in ("MLX_MANAGER_JUPYTER_CONNECTION", "JPY_PARENT_PID", "COLUMNS"):
        env.pop(name, None)
    made = Commands(env)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()
    made.run("daemon", "stop")


def ours(user: Commands) -> list[dict[str, Any]]:
    return [each for each in user.json("engines") if each["source"] == "managed"]


def test_installed_seen_upgraded_and_removed(user: Commands, index: Path) -> None:
    job = user.json("engines", "install", "mlx-lm")
    assert (job["state"], job["version"], job["error"]) == ("done", "0.1.0", None)
    (engine,) = ours(user)
    assert engine["kind"] == "mlx-lm"
    assert engine["selected"]
    table = user.says("engines")
    assert "managed" in table
    assert "0.1.0" in table
    assert "Name" not in user.says("engines", "list", "--json")

    wheels.engine(index, "0.2.0", die_at_load="no such kernel")
    failed = user.run("engines", "upgrade", "mlx-lm")
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "  | " in failed.stderr, "the end of its log"
    assert "jupyter mlx: The mlx-lm 0.2.0 that was installed does not work" in failed.stderr
    assert "What was in use before still is." in failed.stderr
    assert ours(user)[0]["version"] == "0.1.0"

    wheels.engine(index, "0.3.0")
    shown = user.run("engines", "upgrade", "mlx-lm", "--version", "0.3.0")
    assert shown.returncode == 0
    assert "✓ mlx-lm 0.3.0 is installed" in shown.stderr
    assert user.json("engines", "rollback", "mlx-lm")["version"] == "0.1.0"
    assert ours(user)[0]["previous_version"] == "0.3.0"
    assert user.json("engines", "remove", "mlx-lm")["state"] == "done"
    assert ours(user) == []


def test_what_can_not_be_is_said(user: Commands) -> None:
    assert user.fails("engines", "rollback", "mlx-lm")["code"] == "conflict"
    assert user.fails("engines", "remove", "mlx-vlm")["code"] == "engine_missing"
    assert user.fails("engines", "install", "mlx-lm", "--version", "x")["code"] == "invalid_value"
    assert user.run("engines", "install", "remote").returncode == 2
    assert user.run("engines", "rollback", "mlx-lm", "--version", "1").returncode == 2


def test_an_interrupt_cancels(user: Commands, folder: Path, index: Path) -> None:
    waits = wheels.endless(index, "9.0.0")
    process = user.start("engines", "install", "mlx-lm", "--version", "9.0.0")
    deadline = time.monotonic() + 60
    while not waits.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "✗" in shown
    engines = folder / "mlx" / "engines" / "mlx-lm"
    assert [each for each in engines.iterdir() if each.is_dir()] == []
    assert end_orphans(engines) == 0


def test_the_doctor_looks_at_everything(user: Commands, folder: Path) -> None:
    done = user.run("doctor", "--json")
    checks = {each["name"]: each for each in json.loads(done.stdout)}
    assert done.returncode == int(any(each["state"] == "fail" for each in checks.values()))
    assert {
        *("command", "server extension", "lab extension", "extension", "packages", "machine"),
        *("home", "store", "cache", "ports", "gateway", "engine mlx-lm"),
    } <= set(checks)
    assert __version__ in checks["command"]["says"]
    assert "jupyter-server" in checks["packages"]["says"]
    assert "GB free" in checks["cache"]["says"]
    assert checks["store"]["state"] == "ok"
    assert "hub" not in checks, "nobody asked for it"
    said = user.run("doctor", "--hub")
    assert "! hub: " in said.stdout, "offline by choice"
    assert SECRET not in done.stdout + done.stderr + said.stdout + said.stderr
    # A damaged store is set aside, and that is said.
    (folder / "mlx" / "state.json").write_text("garbage")
    damaged = user.says("doctor")
    assert "! store: " in damaged
    assert "    | " in damaged


def test_the_doctor_tells_of_an_extension_that_does_not_come_up(
    commands: Commands, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    done = commands.run("doctor", "--json", MLX_MANAGER_HOME=str(home))
    assert done.returncode == 1
    checks = {each["name"]: each for each in json.loads(done.stdout)}
    assert checks["extension"]["state"] == "fail"
    assert checks["extension"]["hint"]
    assert checks["command"]["state"] == "ok"
    assert json.loads(done.stderr.splitlines()[-1])["code"] == "not_ready"


def test_the_doctor_sees_what_is_disabled(commands: Commands, tmp_path: Path) -> None:
    config = tmp_path / "config" / "jupyter_server_config.d"
    config.mkdir(parents=True)
    told = {"ServerApp": {"jpserver_extensions": {"mlx_manager_jupyter": False}}}
    (config / "off.json").write_text(json.dumps(told))
    page = tmp_path / "config" / "labconfig" / "page_config.json"
    page.parent.mkdir()
    page.write_text(json.dumps({"disabledExtensions": {"mlx-manager-jupyter": True}}))
    # In a virtual environment its settings win over the user's own, unless one says otherwise.
    mine_first = {"JUPYTER_PREFER_ENV_PATH": "0", "MLX_MANAGER_HOME": "/dev/null/nowhere"}
    done = commands.run("doctor", "--json", **mine_first)
    checks = {each["name"]: each for each in json.loads(done.stdout)}
    assert checks["server extension"]["state"] == "fail"
    assert "jupyter server extension enable" in checks["server extension"]["hint"]
    assert checks["lab extension"]["state"] == "warn"
    assert str(page) in checks["lab extension"]["says"]
