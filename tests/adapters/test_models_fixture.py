"""The tiny models are worth asserting on: the real engine loads them and says what they promise."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.fixtures import models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

LISTENING_SECONDS = 60


@contextmanager
def engine(model: Path, log: Path) -> Iterator[str]:
    """Run the real ``mlx_lm.server`` on ``model``; yields its chat URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (log.parent / "hub").mkdir()
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(model), "--port", str(port)]
    env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(log.parent)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=env)
    try:
        deadline = time.monotonic() + LISTENING_SECONDS
        while not listens(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1/chat/completions"
    finally:
        process.kill()
        process.wait()


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def ask(url: str, **options: Any) -> Any:
    """The answer's only choice."""
    return post(url, options).raise_for_status().json()["choices"][0]


def stream(url: str, **options: Any) -> list[dict[str, Any]]:
    lines = post(url, options | {"stream": True}).raise_for_status().text.splitlines()
    frames = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    return [frame["choices"][0]["delta"] for frame in frames if frame["choices"]]


def post(url: str, options: dict[str, Any]) -> httpx2.Response:
    body = {"model": "default_model", "messages": [{"role": "user", "content": "Où est-il?"}]}
    return httpx2.post(url, json=body | options, timeout=60)


def joined(deltas: list[dict[str, Any]], field: str) -> str:
    return "".join(delta.get(field) or "" for delta in deltas)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "engine.log"


def test_chat_says_its_sentence_at_any_temperature_and_stops(tmp_path: Path, log: Path) -> None:
    with engine(models.make("chat", tmp_path / "chat"), log) as url:
        choice = ask(url, temperature=1.0)
        assert choice["message"]["content"] == models.SAYS["chat"]
        assert choice["finish_reason"] == "stop"
        deltas = stream(url)
        assert joined(deltas, "content") == models.SAYS["chat"]
        assert sum(bool(delta.get("content")) for delta in deltas) > 10, "it came in one piece"


def test_think_thinks_unless_told_not_to(tmp_path: Path, log: Path) -> None:
    with engine(models.make("think", tmp_path / "think"), log) as url:
        deltas = stream(url)
        assert joined(deltas, "reasoning") == models.THINKS
        assert joined(deltas, "content") == models.SAYS["think"]
        message = ask(url, chat_template_kwargs={"enable_thinking": False})["message"]
        assert message["content"] == models.SAYS["think"]
        assert not message.get("reasoning")


@pytest.mark.parametrize("kind", ["endless", "slow"])
def test_endless_kinds_stop_at_max_tokens_only(kind: str, tmp_path: Path, log: Path) -> None:
    with engine(models.make(kind, tmp_path / kind), log) as url:
        choice = ask(url, max_tokens=30)
        assert choice["message"]["content"].startswith(f"{models.SAYS[kind]} {models.SAYS[kind]} ")
        assert choice["finish_reason"] == "length"


@pytest.mark.parametrize("fault", models.FAULTS)
def test_the_engine_refuses_every_broken_model(fault: str, tmp_path: Path, log: Path) -> None:
    with engine(models.break_model(fault, tmp_path / fault), log) as url:
        assert post(url, {}).status_code == 404
    assert "generation thread died" in log.read_text()
