"""What was going on with servers goes on when Jupyter is killed: waits, clocks, wishes."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.jupyter import Jupyter, runs, started_from
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


def until(true: Callable[[], Any], seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found


def server(jupyter: Jupyter, name: str = "tiny") -> dict[str, Any]:
    found: dict[str, Any]
    found = next((each for each in jupyter.api("servers") if each["name"] == name), {})
    return found


def ask(jupyter: Jupyter, model: str, *, timeout: float = 30.0) -> dict[str, Any]:
    """One chat request through the gateway at the door."""
    door = json.loads(jupyter.connection_file.read_text("utf-8"))["url"]
    secret = jupyter.api("keys", "POST", {"label": "test"})["secret"]
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    request = urllib.request.Request(  # noqa: S310  loopback
        f"{door}v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {secret}"},
    )
    with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310  loopback
        reply: dict[str, Any] = json.load(answer)
        return reply


def test_a_restart_that_was_due_is_made_by_the_next_jupyter(tmp_path: Path, model: Path) -> None:
    waits = ("--ServerManager.restart_delay=3",)
    with Jupyter(tmp_path / "user", options=waits) as first:
        first.api("servers", "POST", {"model": str(model), "name": "tiny"})
        before = first.until("tiny", "ready")
        os.kill(before["pid"], signal.SIGKILL)
        failed = first.until("tiny", "failed")
        assert failed["retry_at"]
        first.kill()
        assert started_from(model) == []
    with Jupyter(tmp_path / "user", options=waits) as second:
        after = second.until("tiny", "ready")
        assert after["restarts"] == 1
        assert after["pid"] != before["pid"]


def test_requests_keep_a_server_and_its_clock_survives_a_crash(tmp_path: Path, model: Path) -> None:
    slow = {"env": {"FAKE_ENGINE": json.dumps({"first_token_seconds": 4})}}
    body = {"model": str(model), "name": "tiny", "ttl": 2, "set": slow}
    with Jupyter(tmp_path / "user") as first:
        first.api("servers", "POST", body)
        pid = first.until("tiny", "ready")["pid"]
        assert server(first)["idle_unload_seconds"] == 2
        # Longer than its time, yet it is answered: it was in use.
        assert ask(first, "tiny")["choices"][0]["message"]["content"]
        assert server(first)["last_used_at"]
        first.kill()
        assert runs(pid)
    with Jupyter(tmp_path / "user") as second:
        until(lambda: not server(second))
        assert not runs(pid)


def test_profiles_that_say_so_come_up_with_jupyter_once(tmp_path: Path, model: Path) -> None:
    user = tmp_path / "user"
    with Jupyter(user, options=("--ServerManager.auto_start=False",)) as quiet:
        for name in ("a", "b", "c"):
            profile = {"name": name, "model": str(model), "auto_start": True}
            quiet.api("profiles", "POST", profile)
        assert quiet.api("servers") == []
    both = [Jupyter(user), Jupyter(user)]
    threads = [threading.Thread(target=each.start) for each in both]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pids = [{each.until(name, "ready")["pid"] for name in "abc"} for each in both]
        assert pids[0] == pids[1] == {engine.pid for engine in started_from(model)}
    finally:
        for each in both:
            each.stop()


def test_the_gateway_of_another_machine_is_a_server_like_others(
    tmp_path: Path, model: Path
) -> None:
    with Jupyter(tmp_path / "there") as there:
        there.api("servers", "POST", {"model": str(model), "name": "tiny"})
        there.until("tiny", "ready")
        door = json.loads(there.connection_file.read_text("utf-8"))["url"]
        key = there.api("keys", "POST", {"label": "the other machine"})["secret"]
        with Jupyter(tmp_path / "here", env={"THEIR_KEY": key}) as here:
            far = {"name": "far", "engine": "remote", "model": "tiny", "base_url": f"{door}v1"}
            here.api("profiles", "POST", {**far, "api_key_env": "THEIR_KEY"})
            here.api("servers", "POST", {"profile": "far"})
            ready = here.until("far", "ready")
            assert ready["base_url"] == f"{door}v1"
            assert ready.get("pid") is None
            reply = ask(here, "far")
            assert "Paris" in reply["choices"][0]["message"]["content"]
            assert reply["model"] == "far"
            there.api("servers/tiny", "DELETE")
        assert there.process.poll() is None, "what is elsewhere is left alone"
