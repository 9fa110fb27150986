"""A stop is asked: how long until the port is free, and until we say so.

The peer is the same engine on its own, sent SIGTERM by hand: what is more is our looking at its
children and our making sure. Every sample is a process of its own, and the two take turns.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from tests.bench.figures import Figure, percentile
from tests.bench.journal import Journal, serve
from tests.fixtures.jupyter import FAKE_ENGINE, Jupyter, free_port
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAMPLES = 15
#: How the engines are: alone, or with children in their own session and out of it.
KINDS: dict[str, dict[str, object]] = {
    "one process": {},
    "with children": {"fork_child": True, "fork_own_session": True},
}
#: Ours: nobody notices less than that.
BUDGET_MS = 150.0


def measure(folder: Path) -> Iterator[Figure]:
    """The figures of stopping."""
    model = make("chat", folder / "model")
    with Jupyter(folder / "jupyter") as jupyter:
        for kind, faults in KINDS.items():
            free, said, direct = [], [], []
            for number in range(SAMPLES):
                journal = Journal(folder / f"{kind[:3]}-{number}.jsonl")
                port = serve(jupyter, "stops", model, journal, **faults)
                watch = PortWatch(port)
                jupyter.api("servers/stops", "DELETE")
                said.append(watch.now())
                free.append(watch.free())
                direct.append(_by_hand(model, journal))
            for percent, word in ((50, "p50"), (100, "worst")):
                peers = {"SIGTERM by hand": percentile(direct, percent)}
                for what, took in (("port free", free), ("we say stopped", said)):
                    yield Figure(
                        name=f"stop, {kind} → {what}, {word}",
                        ours=percentile(took, percent),
                        unit="ms",
                        budget=BUDGET_MS if percent == 50 else None,
                        peers=peers,
                        samples=len(took),
                    )


class PortWatch:
    """Tries a port until it can be had; the clock runs from the start."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free_at = 0.0
        self._thread = threading.Thread(target=self._watch)
        self._began = time.perf_counter()
        self._thread.start()

    def now(self) -> float:
        """Milliseconds since the start."""
        return (time.perf_counter() - self._began) * 1000

    def free(self) -> float:
        """Milliseconds until it was free."""
        self._thread.join()
        return self._free_at

    def _watch(self) -> None:
        while not _can_be_had(self._port):
            time.sleep(0.001)
        self._free_at = self.now()


def _can_be_had(port: int) -> bool:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _by_hand(model: Path, journal: Journal) -> float:
    """Milliseconds from SIGTERM to a free port, with nobody looking after the engine."""
    loaded, port = len(journal.times("loaded")), free_port()
    engine = subprocess.Popen(
        [sys.executable, str(FAKE_ENGINE), "--model", str(model), "--port", str(port)],
        env={**os.environ, **journal.env()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert journal.wait("loaded", loaded + 1, 30)
        while _can_be_had(port):
            time.sleep(0.005)
        watch = PortWatch(port)
        engine.send_signal(signal.SIGTERM)
        return watch.free()
    finally:
        engine.kill()
        engine.wait()
