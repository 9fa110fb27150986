"""Whatever is killed with -9, a download goes on, and next to nothing is fetched again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.hub import FakeHub
from tests.fixtures.jupyter import Jupyter, started_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import psutil

MODEL = "mlx-community/Large-4bit"
SIZE = 60_000_000
#: Bytes a second: what is left at the kill outlasts a slow start of Jupyter.
RATE = 7_000_000
#: Of four connections on the loopback: what a limited worker has not read yet fills them.
IN_BUFFERS = 8_000_000


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    weights = {"size": SIZE, "seed": 3}
    with FakeHub() as running:
        running.add(MODEL, files={"config.json": "{}", "model.safetensors": weights})
        yield running


@pytest.fixture
def jupyter(hub: FakeHub, tmp_path: Path) -> Iterator[Jupyter]:
    env = {key: value for key, value in hub.environment(tmp_path / "hf").items() if "HF_" in key}
    env["MLX_MANAGER_DOWNLOAD_LIMIT"] = str(RATE)
    with Jupyter(tmp_path, env=env) as running:
        yield running
        running.api("downloads")


def download(jupyter: Jupyter) -> dict[str, Any]:
    (found,) = jupyter.api("downloads")
    assert isinstance(found, dict)
    return found


def until(jupyter: Jupyter, true: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    deadline = time.monotonic() + 40
    while not true(found := download(jupyter)):
        assert time.monotonic() < deadline, (found, jupyter.log.read_text("utf-8"))
        time.sleep(0.05)
    return found


def worker(folder: Path) -> psutil.Process:
    found = [each for each in started_from(folder) if "hub.worker" in " ".join(each.cmdline())]
    (process,) = found
    return process


@pytest.mark.parametrize("victims", ["jupyter", "worker", "both"])
def test_it_goes_on_after_a_kill(
    hub: FakeHub, jupyter: Jupyter, tmp_path: Path, victims: str
) -> None:
    jupyter.api("downloads", "POST", {"model": MODEL})
    done = until(jupyter, lambda found: found["bytes_done"] > SIZE * 0.3)["bytes_done"]
    process = worker(tmp_path)
    if victims != "worker":
        jupyter.kill()
    if victims != "jupyter":
        process.kill()
        process.wait(10)
    if victims != "worker":
        jupyter.start()
    if victims == "jupyter":
        assert until(jupyter, lambda found: found["state"] == "running")
        assert worker(tmp_path).pid == process.pid  # adopted, not started again
    found = until(jupyter, lambda found: found["bytes_done"] > SIZE * 0.6)
    assert found["bytes_done"] > done
    assert until(jupyter, lambda found: found["state"] == "done")["bytes_done"] > SIZE
    # What was in the sockets' buffers when a worker died was sent, and never arrived.
    assert hub.sent("model.safetensors", "cdn") < SIZE * 1.01 + IN_BUFFERS
    weights = next((tmp_path / "hf").rglob("snapshots/*/model.safetensors"))
    assert weights.stat().st_size == SIZE
    assert not list((tmp_path / "hf").rglob("*.incomplete"))


def test_paused_stays_paused_after_a_kill(jupyter: Jupyter, tmp_path: Path) -> None:
    name = jupyter.api("downloads", "POST", {"model": MODEL})["id"]
    until(jupyter, lambda found: found["bytes_done"] > SIZE * 0.2)
    jupyter.api(f"downloads/{name}/pause", "POST")
    jupyter.kill()
    jupyter.start()
    found = download(jupyter)
    assert found["state"] == "paused"
    assert found["bytes_done"] > SIZE * 0.2
    deadline = time.monotonic() + 1.5  # for a look of the extension's own
    while time.monotonic() < deadline:
        assert download(jupyter) == found
        time.sleep(0.1)
    assert not [each for each in started_from(tmp_path) if "hub.worker" in " ".join(each.cmdline())]
