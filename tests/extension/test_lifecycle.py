"""Servers and the life of Jupyter: killed, stopped, and two at once. Real processes throughout."""

from __future__ import annotations

import json
import signal
import threading
import urllib.error
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.fixtures.jupyter import Jupyter, runs, started_from
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make("chat", tmp_path / "tiny-chat")


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """Whatever a test did, it may leave no engine behind."""
    yield
    left = started_from(tmp_path)
    for process in left:
        process.kill()
    assert left == []


def serve(jupyter: Jupyter, model: Path, **body: Any) -> dict[str, Any]:
    wanted = {"model": str(model), "name": "tiny", **body}
    jupyter.api("servers", "POST", wanted)
    return jupyter.until(wanted["name"], "ready")


def test_a_killed_jupyters_server_is_adopted_and_still_answers(tmp_path: Path, model: Path) -> None:
    with Jupyter(tmp_path / "user") as first:
        before = serve(first, model)
        first.kill()
        assert runs(before["pid"]), "servers outlive a crash of Jupyter"
    with Jupyter(tmp_path / "user") as second:
        after = second.until("tiny", "ready")
        assert after["pid"] == before["pid"]
        assert after["started_at"] == before["started_at"]
        second.api("servers/tiny", "DELETE")
        assert not runs(before["pid"])
        assert not first.connection_file.exists(), "the killed extension's file is swept"


def test_a_stopped_jupyter_ends_its_servers_but_not_the_kept_ones(
    tmp_path: Path, model: Path
) -> None:
    with Jupyter(tmp_path / "user") as first:
        plain = serve(first, model)
        kept = serve(first, model, name="kept")
        asked = first.api("servers", "POST", {"model": str(model), "name": "kept", "keep": True})
        assert asked["keep"], "a server that runs can be kept, too"
        connection = first.connection_file
    assert not runs(plain["pid"])
    assert runs(kept["pid"])
    assert not connection.exists()
    with Jupyter(tmp_path / "user") as second:
        assert [server["name"] for server in second.api("servers")] == ["kept"]
        assert second.until("kept", "ready")["pid"] == kept["pid"]
        second.api("servers/kept", "DELETE")


def test_a_server_that_ended_while_jupyter_was_dead_is_forgotten(
    tmp_path: Path, model: Path
) -> None:
    with Jupyter(tmp_path / "user") as first:
        server = serve(first, model)
        first.kill()
    psutil.Process(server["pid"]).kill()
    with Jupyter(tmp_path / "user") as second:
        assert second.api("servers") == []
        serve(second, model)


def test_jupyter_killed_while_an_engine_loads_leaves_nothing_unwatched(
    tmp_path: Path, model: Path
) -> None:
    slow = {"env": {"FAKE_ENGINE": json.dumps({"load_seconds": 3})}}
    with Jupyter(tmp_path / "user") as first:
        first.api("servers", "POST", {"model": str(model), "name": "tiny", "set": slow})
        loading = first.until("tiny", "loading")
        first.kill()
    with Jupyter(tmp_path / "user") as second:
        assert second.until("tiny", "ready")["pid"] == loading["pid"]


def test_two_jupyters_starting_one_profile_at_once_make_one_process(
    tmp_path: Path, model: Path
) -> None:
    with Jupyter(tmp_path / "user") as one, Jupyter(tmp_path / "user") as other:
        one.api("profiles", "POST", {"name": "shared", "model": str(model)})
        answers: list[dict[str, Any]] = []
        gate = threading.Barrier(4)

        def start(jupyter: Jupyter) -> None:
            gate.wait()
            answers.append(jupyter.api("servers", "POST", {"profile": "shared"}))

        threads = [threading.Thread(target=start, args=[each]) for each in (one, other) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 4
        seen = {jupyter.until("shared", "ready")["pid"] for jupyter in (one, other)}
        assert len(seen) == 1
        assert [engine.pid for engine in started_from(model)] == list(seen)

        # Either may stop it, and the other sees it gone, not failed.
        other.api("servers/shared", "DELETE")
        assert not runs(seen.pop())
        deadline = threading.Event()
        for _ in range(100):
            if one.api("servers") == []:
                break
            deadline.wait(0.05)
        assert one.api("servers") == []


def test_the_first_of_two_jupyters_may_leave_without_taking_the_servers(
    tmp_path: Path, model: Path
) -> None:
    with Jupyter(tmp_path / "user") as stays:
        with Jupyter(tmp_path / "user") as leaves:
            server = serve(leaves, model)
            assert stays.until("tiny", "ready")["pid"] == server["pid"]
        assert runs(server["pid"])
        assert stays.until("tiny", "ready")["pid"] == server["pid"]
    assert not runs(server["pid"])


def test_no_token_stands_in_any_log(tmp_path: Path, model: Path) -> None:
    with Jupyter(tmp_path / "user", options=("--debug",), token="very-secret") as jupyter:
        serve(jupyter, model)
        made = jupyter.api("keys", "POST", {"label": "kernel"})
        with pytest.raises(urllib.error.HTTPError):
            jupyter.api("servers", "POST", {"model": "nobody/nothing"})
        connection = json.loads(jupyter.connection_file.read_text("utf-8"))
        assert jupyter.connection_file.stat().st_mode & 0o777 == 0o600
        state = (tmp_path / "user" / "mlx").glob("state.json*")
        logs = [jupyter.log, *state, *(tmp_path / "user" / "mlx" / "logs").rglob("*.log")]
        assert len(logs) >= 2
    for log in logs:
        text = log.read_text("utf-8")
        assert connection["token"] not in text
        assert made["secret"] not in text
        assert "very-secret" not in text, log


def test_an_interrupt_without_a_terminal_ends_the_servers_too(tmp_path: Path, model: Path) -> None:
    with Jupyter(tmp_path / "user") as jupyter:
        server = serve(jupyter, model)
        connection = jupyter.connection_file
        jupyter.process.send_signal(signal.SIGINT)
        jupyter.process.wait(30)
    assert not runs(server["pid"])
    assert not connection.exists()


def test_a_port_that_is_none_is_said_and_jupyter_still_ends(tmp_path: Path, model: Path) -> None:
    ports = {"MLX_MANAGER_GATEWAY_PORT": "banana"}
    with Jupyter(tmp_path / "user", env=ports) as jupyter:
        serve(jupyter, model)
    assert "MLX_MANAGER_GATEWAY_PORT=banana" in jupyter.log.read_text("utf-8")
