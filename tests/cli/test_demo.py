"""``jupyter mlx demo``, the whole of it: Jupyter, the extension, a kernel, the real engine."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, TYPE_CHECKING

import httpx2
import pytest
from msgspec import structs

from mlx_manager_jupyter.cli.demo import notebook, profile
from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.schema import StartServer
from tests.cli.conftest import Commands, processes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.engine

STOPPED_SECONDS = 30


@pytest.fixture(autouse=True)
def nothing_left(home: Path, commands: Commands) -> Iterator[None]:
    """Whatever happens in these tests, no process outlives the command."""
    yield
    for process in commands.started:
        assert process.poll() is not None
    assert processes_of(home) == []


@pytest.fixture
def connect() -> Iterator[Callable[[Path], Client]]:
    """Find the one door in a runtime folder."""
    with ExitStack() as stack:

        def connect(runtime_dir: Path) -> Client:
            (door,) = runtime_dir.glob("mlx-manager-jupyter-*.json")
            return stack.enter_context(closing(Client(lambda: read(door))))

        yield connect


def lines_until(stream: IO[str] | None, sign: str) -> list[str]:
    assert stream
    lines = []
    for line in stream:
        lines.append(line)
        if sign in line:
            return lines
    raise AssertionError(f"no {sign!r} in {lines}")


@pytest.mark.timeout(300)
def test_check_runs_the_notebook_and_prints_the_answers(commands: Commands, home: Path) -> None:
    done = commands.run("demo", "--check", "--json", "--home", str(home))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["answer"] == "The capital of France is Paris."
    outputs = {cell["source"].splitlines()[0]: cell["output"] for cell in told["cells"]}
    assert "ready" in outputs["%mlx_serve smollm2 --name assistant"]
    assert "Seine" in outputs["follow_up = mlx.chat("]
    assert outputs["%mlx_stop assistant"] == "assistant stopped."


def test_an_interrupted_check_leaves_nothing(commands: Commands, home: Path) -> None:
    process = commands.start("demo", "--check", "--home", str(home))
    lines_until(process.stdout, "%mlx_serve")  # has run: the engine holds the model
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=STOPPED_SECONDS)
    assert process.returncode == 130


def test_lab_serves_until_interrupted(
    commands: Commands, home: Path, tmp_path: Path, connect: Callable[[Path], Client]
) -> None:
    process = commands.start("demo", "--no-browser", "--json", "--home", str(home))
    assert process.stdout
    told = json.loads(process.stdout.readline())
    httpx2.get(told["url"], follow_redirects=True).raise_for_status()
    assert json.loads((home / "demo" / notebook.NAME).read_text())["cells"]

    client = connect(tmp_path / "runtime")
    (made,) = client.profiles.list()
    assert (made.name, made.model) == (profile.NAME, told["model"])
    server = client.servers.start(StartServer(profile=made.name)).server
    with closing(client.events()) as events:
        while server.state in ("starting", "loading"):
            next(events)
            server = client.servers.get(server.name)
    assert server.state == "ready", server.error

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=STOPPED_SECONDS)
    assert process.returncode == 130


def test_the_profile_keeps_what_the_user_set_and_follows_the_model(
    commands: Commands, home: Path, tmp_path: Path, connect: Callable[[Path], Client]
) -> None:
    process = commands.start("demo", "--no-browser", "--json", "--home", str(home))
    assert process.stdout
    told = json.loads(process.stdout.readline())
    client = connect(tmp_path / "runtime")
    mine = structs.replace(client.profiles.get(profile.NAME), temperature=1.5)
    client.profiles.delete(profile.NAME)
    client.profiles.create(mine)
    assert profile.ensure(client, Path(told["model"])) == mine
    moved = profile.ensure(client, tmp_path)
    assert (moved.model, moved.temperature) == (str(tmp_path), 0)
    process.terminate()
    process.communicate(timeout=STOPPED_SECONDS)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_jupyter_that_does_not_start_is_an_error(
    commands: Commands, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.py").write_text("raise SystemExit(7)")
    error = commands.fails("demo", "--no-browser", "--home", str(home))
    assert error["code"] == "demo_failed"
    assert "code 7" in error["message"]
