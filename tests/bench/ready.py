"""The engine can answer: how long until we say that it is ready.

With the fake engine the reference is its own word for it, with the real one an impatient client
that asks the engine for one token, as our probe does, until it gets it. The end is the event as a
viewer receives it.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines.mlx_lm import READY
from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.schema import ServerChanged
from tests.bench.figures import Figure, percentile
from tests.bench.journal import Journal
from tests.fixtures.jupyter import Jupyter
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlx_manager_jupyter.schema import Server

FAKE_STARTS = 15
REAL_STARTS = 5


def measure(folder: Path) -> Iterator[Figure]:
    """The budget of saying ready."""
    model = make("chat", folder / "model")
    chance = random.Random(7)
    took = []
    with Jupyter(folder / "fake") as jupyter:
        for number in range(FAKE_STARTS):
            journal = Journal(folder / f"{number}.jsonl")
            # At any moment between two looks of ours.
            env = journal.env(load_seconds=chance.uniform(0.2, 1.2))
            said = _ready_at(jupyter, f"fake-{number}", model, env=env)
            loaded = journal.times("loaded")[0]
            took.append((said - loaded) * 1000)
    yield from _figures("fake engine loaded", took)

    took = []
    with Jupyter(folder / "real", engine=None) as jupyter:
        for number in range(REAL_STARTS):
            answered: list[float] = []

            def race(server: Server, answered: list[float] = answered) -> None:
                answered.append(_first_answer(server.port or 0))

            said = _ready_at(jupyter, f"real-{number}", model, env={}, beside=race)
            took.append((said - answered[0]) * 1000)
    yield from _figures("mlx-lm answers another client", took)


def _figures(reference: str, took: list[float]) -> Iterator[Figure]:
    for percent, name in ((50, "p50"), (100, "worst")):
        yield Figure(
            name=f"{reference} → we say ready, {name}",
            ours=percentile(took, percent),
            unit="ms",
            budget=100,
            samples=len(took),
        )


def _ready_at(
    jupyter: Jupyter,
    name: str,
    model: Path,
    *,
    env: dict[str, str],
    beside: Callable[[Server], None] | None = None,
) -> float:
    """Start a server and stop it again; when a viewer heard that it is ready."""
    client = Client(lambda: read(jupyter.connection_file))
    events = client.events()
    next(events)  # the snapshot: from now on we hear everything
    wanted = {"model": str(model), "name": name, "set": {"env": env}}
    jupyter.api("servers", "POST", wanted)
    racer: threading.Thread | None = None
    try:
        for event in events:
            if not isinstance(event, ServerChanged) or event.server.name != name:
                continue
            now = time.time()
            assert event.server.state != "failed", event.server.error
            if beside and racer is None:
                racer = threading.Thread(target=beside, args=(event.server,))
                racer.start()
            if event.server.state == "ready":
                break
        else:
            raise AssertionError("the events ended")
        if racer:
            racer.join(30)
    finally:
        events.close()
        client.close()
        jupyter.api(f"servers/{name}", "DELETE")
    return now


def _first_answer(port: int) -> float:
    """Ask for one token, again and again, until it comes; when that was."""
    body = json.dumps(dict(READY.body or {}))
    while True:
        engine = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            engine.request("POST", READY.path, body, {"Content-Type": "application/json"})
            if engine.getresponse().status == 200:
                return time.time()
        except (OSError, http.client.HTTPException):
            time.sleep(0.005)  # it does not listen yet
        finally:
            engine.close()
