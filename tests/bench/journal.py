"""What the fake engine wrote down, and when; its clock is `time.time`, as in every process."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.jupyter import Jupyter


class Journal:
    """The journal of one fake engine; `env` makes it keep one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def env(self, **faults: object) -> dict[str, str]:
        """The environment of an engine with these habits."""
        return {"FAKE_ENGINE": json.dumps(faults), "FAKE_ENGINE_JOURNAL": str(self._path)}

    def times(self, event: str) -> list[float]:
        """When that happened, oldest first."""
        if not self._path.exists():
            return []
        whole = self._path.read_bytes().rpartition(b"\n")[0]  # the last line may be half written
        notes: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
        return [note["time"] for note in notes if note["event"] == event]

    def wait(self, event: str, count: int, seconds: float) -> float | None:
        """When it happened for the ``count``-th time; None if it does not within ``seconds``."""
        deadline = time.monotonic() + seconds
        while len(times := self.times(event)) < count:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.005)
        return times[count - 1]


def serve(jupyter: Jupyter, name: str, model: Path, journal: Journal, **faults: object) -> int:
    """A ready server whose engine has these habits; the engine's port."""
    settings = {"env": journal.env(**faults)}
    jupyter.api("servers", "POST", {"model": str(model), "name": name, "set": settings})
    port: int = jupyter.until(name, "ready")["port"]
    return port
