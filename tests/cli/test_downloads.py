"""``jupyter mlx pull`` and ``downloads``: what is printed where, interrupts, exit codes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import MLX, QWEN, TINY

if TYPE_CHECKING:
    from tests.cli.conftest import Commands
    from tests.fixtures.hub import FakeHub

FIELDS = {"id", "model", "revision", "state", "bytes_done", "bytes_total", "rate", "error"}


@pytest.fixture
def slow(hub: FakeHub) -> int:
    """The tiny model takes half a minute."""
    return hub.fault("slow", "model.safetensors", bytes_per_second=20_000)


def running(user: Commands) -> dict[str, Any]:
    """The one download, once bytes come."""
    deadline = time.monotonic() + 20
    while True:
        listed = user.json("downloads")
        if listed and listed[0]["state"] == "running" and listed[0]["bytes_done"]:
            found: dict[str, Any] = listed[0]
            return found
        assert time.monotonic() < deadline, listed


def test_pull_prints_the_final_record(user: Commands) -> None:
    done = user.run("pull", "tiny", "chat", "4bit", "--json")
    assert done.returncode == 0
    assert done.stderr == ""
    download = json.loads(done.stdout)
    assert set(download) >= FIELDS
    assert (download["model"], download["state"]) == (TINY, "done")
    assert download["bytes_done"] == download["bytes_total"] > 0
    assert download["error"] is None


def test_pull_prints_the_folder_and_tells_progress_on_stderr(user: Commands) -> None:
    done = user.run("pull", TINY)
    assert (Path(done.stdout.strip()) / "config.json").exists()
    first, *_, last = done.stderr.splitlines()
    assert first.startswith("Tiny-Chat-4bit")
    assert "✓ 1 MB in" in last


def test_on_a_terminal_one_line_is_drawn_anew(user: Commands, hub: FakeHub) -> None:
    hub.fault("slow", "model.safetensors", bytes_per_second=400_000)
    terminal, stderr = pty.openpty()
    process = subprocess.Popen(
        [*MLX, "pull", TINY],
        env=user.env | {"COLUMNS": "60"},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )
    os.close(stderr)
    said = b""
    while process.poll() is None or not said.endswith(b"\n"):
        try:
            said += os.read(terminal, 65536)
        except OSError:  # Linux: the other end is closed
            break
    os.close(terminal)
    assert process.wait(20) == 0
    drawn = said.decode().strip().split("\r\x1b[K")
    assert any("█" in each and "MB" in each for each in drawn)
    assert max(map(len, drawn)) < 60
    assert said.count(b"\n") == 1


@pytest.mark.usefixtures("slow")
def test_ctrl_c_pauses_and_says_how_to_go_on(user: Commands, hub: FakeHub) -> None:
    process = user.start("pull", TINY)
    running(user)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout) == (130, "")
    (paused,) = user.json("downloads")
    assert paused["state"] == "paused"
    command = f"jupyter mlx downloads resume {paused['id']}"
    assert command in stderr
    assert "Traceback" not in stderr
    hub.clear()
    hub.reset()
    assert user.json(*command.split()[2:])["state"] in ("queued", "running")
    assert user.json("pull", TINY)["state"] == "done"
    assert hub.sent("model.safetensors") < paused["bytes_total"] - paused["bytes_done"] / 2


@pytest.mark.usefixtures("slow")
def test_with_json_an_interrupt_still_prints_the_record(user: Commands) -> None:
    process = user.start("pull", TINY, "--json")
    running(user)
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert json.loads(stdout)["state"] == "paused"


@pytest.mark.usefixtures("slow")
def test_one_that_was_under_way_goes_on(user: Commands) -> None:
    asked = user.json("pull", TINY, "--no-wait")
    assert asked["state"] in ("queued", "running")
    process = user.start("pull", TINY)
    running(user)
    wait_for_progress(process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "goes on" in stderr
    assert user.json("downloads")[0]["state"] == "running"


def wait_for_progress(process: subprocess.Popen[str]) -> None:
    """Until it has said which model it follows."""
    assert process.stderr is not None
    assert "Tiny" in process.stderr.readline()


@pytest.mark.usefixtures("slow")
def test_downloads_are_paused_resumed_and_cancelled(user: Commands) -> None:
    assert user.json("downloads", "list") == []
    name = user.json("pull", TINY, "--no-wait")["id"]
    running(user)
    assert user.json("downloads", "pause", name)["state"] == "paused"
    header, line, *_ = user.says("downloads").splitlines()
    assert header.split()[0] == "model"
    assert "paused" in line
    assert line.endswith(name)
    assert max(map(len, user.says("downloads", COLUMNS="60").splitlines())) <= 60
    assert user.json("downloads", "resume", TINY)["state"] in ("queued", "running")
    assert user.json("downloads", "cancel", name)["state"] == "cancelled"
    assert "cancelled" in user.says("downloads")
    assert user.json("downloads", "cancel", name)["id"] == name
    assert user.json("downloads") == []
    assert user.fails("downloads", "pause", name)["code"] == "unknown_download"


def test_a_failure_is_told_as_what_it_is(user: Commands, hub: FakeHub) -> None:
    hub.add("org/gated", files={"config.json": "{}"}, gated="auto")
    done = user.run("pull", "org/gated", "--json")
    assert done.returncode == 1
    error = json.loads(done.stderr)
    assert error["code"] == "gated"
    assert error["hint"]
    assert json.loads(done.stdout)["error"]["code"] == "gated"
    done = user.run("pull", "org/gated")
    assert done.returncode == 1
    assert done.stderr.count(error["message"]) == 1
    assert user.fails("pull", "nothing of the kind")["code"] == "unknown_model"
    user.json("downloads", "cancel", "org/gated")


def test_what_is_fetched_can_be_chosen(user: Commands) -> None:
    some = user.json("pull", TINY, "--include", "*.json", "--exclude", "tok*")
    assert some["state"] == "done"
    assert some["bytes_total"] < 100_000
    assert user.json("pull", TINY, "--revision", "main", "--all")["bytes_total"] > 100_000


def test_a_download_outlives_its_command(user: Commands, hub: FakeHub) -> None:
    hub.fault("slow", "model.safetensors", bytes_per_second=300_000)
    user.json("pull", TINY, "--no-wait")
    before = running(user)["bytes_done"]
    hub.until(lambda each: each.sent("model.safetensors") > before)
    assert user.json("pull", TINY)["state"] == "done"


def test_offline_says_so(user: Commands) -> None:
    error = user.fails("pull", QWEN, MLX_MANAGER_JUPYTER_CONNECTION="/nowhere/at/all.json")
    assert error["code"] == "extension_unreachable"
