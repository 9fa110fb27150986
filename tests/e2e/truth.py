"""What is really the case, told by others than the page: the extension, the operating system."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import psutil

from tests.fixtures.jupyter import runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fixtures.jupyter import Jupyter

#: A gateway key: see services/keys.py.
KEY = re.compile(r"mlx-[\w-]{43}")


def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for something that the page does not show."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def load_of(jupyter: Jupyter, server: str) -> dict[str, Any]:
    """The next sample of what a server does, from the event stream."""
    connection = json.loads(jupyter.connection_file.read_text("utf-8"))
    url = f"{connection['url']}mlx-manager/api/events"
    with _opened(url, connection["token"], Accept="text/event-stream") as stream:
        for line in stream:
            if line.startswith(b"data: ") and b'"metrics.sampled"' in line:
                load: dict[str, Any] = json.loads(line[6:])["metrics"]["servers"][server]
                return load
    raise AssertionError("the stream ended")


def models_at(base_url: str, key: str) -> list[str]:
    """What an OpenAI client finds there."""
    with _opened(f"{base_url}/models", key) as answer:
        return [model["id"] for model in json.load(answer)["data"]]


def _opened(url: str, bearer: str, **headers: str) -> Any:
    assert url.startswith("http://127.0.0.1:")
    headers["Authorization"] = f"Bearer {bearer}"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  loopback
    return urllib.request.urlopen(request, timeout=20)  # noqa: S310  loopback


def is_idle(pid: int) -> bool:
    """Whether a process uses next to no CPU."""
    return psutil.Process(pid).cpu_percent(interval=0.5) < 10


def is_gone(pid: int) -> bool:
    return not runs(pid)


def has_secrets(path: Path, jupyter: Jupyter) -> bool:
    """Whether a file holds anything that opens a door of ours or of Jupyter's."""
    door = json.loads(jupyter.connection_file.read_text("utf-8"))["token"]
    text = path.read_text("utf-8")
    return door in text or jupyter.token in text or KEY.search(text) is not None
