"""Somebody leaves: how long until the engine may stop working for nobody.

Measured at the engine: from the moment that a client closes its socket, or a kernel is
interrupted, until the engine sees the connection to itself closed.
"""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.client.discovery import VARIABLE
from tests.bench import peers
from tests.bench.figures import NEVER, Figure, percentile
from tests.bench.journal import Journal, serve
from tests.bench.load import Target
from tests.fixtures.jupyter import Jupyter
from tests.fixtures.models import make
from tests.notebook.kernel import Kernel, started

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CLIENTS = 20
INTERRUPTS = 7
#: Who has not closed by then never will: the answer would go on for minutes.
PATIENCE_SECONDS = 5.0
#: A peer that never closes shows it in a few tries.
PATIENT_TRIES = 3
TOKENS = 20_000
#: Whether the request asks for a stream, and the engine's habits.
WHEN: dict[str, tuple[bool, dict[str, float]]] = {
    "in the stream": (True, {"token_seconds": 0.02}),
    "before the first chunk": (True, {"first_token_seconds": 300}),
    "not streamed": (False, {"token_seconds": 0.02}),
}
CELLS = {
    "before the first token": ("%%mlx_chat {} --max-tokens 20000\nGo on.", "first_token_seconds"),
    "while it streams": ("%%mlx_chat {} --max-tokens 20000\nGo on.", "token_seconds"),
    "in mlx.chat, not streamed": (
        "mlx.chat('Go on.', model='{}', max_tokens=20000)",
        "token_seconds",
    ),
}
PROXY = "jupyter-server-proxy"


def measure(folder: Path) -> Iterator[Figure]:
    """The budgets of leaving."""
    proxy = peers.jupyter_server_proxy()
    options = ("--ServerApp.jpserver_extensions=jupyter_server_proxy=True",) if proxy else ()
    env = {"PYTHONPATH": f"{ROOT}:{proxy}"}
    model = make("chat", folder / "model")
    with Jupyter(folder, options=options, env=env) as jupyter:
        for number, (when, (streamed, habits)) in enumerate(WHEN.items()):
            journal = Journal(folder / f"client-{number}.jsonl")
            name = f"client-{number}"
            port = serve(jupyter, name, model, journal, tokens="word " * TOKENS, **habits)
            yield from _clients(
                jupyter, journal, _targets(jupyter, name, port), when, streamed=streamed
            )
            jupyter.api(f"servers/{name}", "DELETE")
        environment = {**jupyter.environment, VARIABLE: str(jupyter.connection_file)}
        with started({**os.environ, **environment, "PYTHONPATH": str(ROOT)}) as kernel:
            kernel.ok("%load_ext mlx_manager_jupyter\nimport mlx_manager_jupyter as mlx")
            for number, (when, (cell, habit)) in enumerate(CELLS.items()):
                journal = Journal(folder / f"kernel-{number}.jsonl")
                name = f"kernel-{number}"
                habits = {habit: 300.0 if habit == "first_token_seconds" else 0.02}
                serve(jupyter, name, model, journal, tokens="word " * TOKENS, **habits)
                yield _kernel(kernel, journal, cell.format(name), when)
                jupyter.api(f"servers/{name}", "DELETE")


def _targets(jupyter: Jupyter, name: str, port: int) -> dict[str, Target]:
    """Ours first."""
    key = jupyter.api("keys", "POST", {"label": "bench"})["secret"]
    door = json.loads(jupyter.connection_file.read_text("utf-8"))["url"]
    path = "v1/chat/completions"
    targets = {
        "door": Target(f"{door}{path}", name, {"Authorization": f"Bearer {key}"}),
        "direct": Target(f"http://127.0.0.1:{port}/{path}", "default_model"),
    }
    if peers.jupyter_server_proxy():
        url, login = f"{jupyter.url}proxy/{port}/{path}", f"token {jupyter.token}"
        targets[PROXY] = Target(url, "default_model", {"Authorization": login})
    return targets


def _clients(
    jupyter: Jupyter, journal: Journal, targets: dict[str, Target], when: str, *, streamed: bool
) -> Iterator[Figure]:
    took: dict[str, list[float]] = {}
    for name, target in targets.items():
        tries = PATIENT_TRIES if name == PROXY else CLIENTS
        took[name] = [
            _leave(jupyter, journal, target, when, streamed=streamed) for _ in range(tries)
        ]
    for percent in (50, 100):
        others = {name: percentile(took[name], percent) for name in targets if name != "door"}
        yield Figure(
            name=f"client leaves → upstream closed, {when}, {'p50' if percent == 50 else 'worst'}",
            ours=percentile(took["door"], percent),
            unit="ms",
            budget=20,
            peers={**dict.fromkeys([PROXY]), **others},
            samples=CLIENTS,
        )


def _leave(
    jupyter: Jupyter, journal: Journal, target: Target, when: str, *, streamed: bool
) -> float:
    """Ask, leave, and look when the engine saw it; ms."""
    asked, closed = len(journal.times("request")), len(journal.times("closed"))
    with socket.create_connection(target.address, timeout=10) as client:
        client.sendall(target.request(chunks=TOKENS, pace=0.0, streamed=streamed))
        if when == "in the stream":
            while b'"content"' not in client.recv(65536):
                pass
        else:
            assert journal.wait("request", asked + 1, 10), jupyter.log.read_text("utf-8")
            time.sleep(0.1)
        left = time.time()
    seen = journal.wait("closed", closed + 1, PATIENCE_SECONDS)
    return (seen - left) * 1000 if seen else NEVER


def _kernel(kernel: Kernel, journal: Journal, cell: str, when: str) -> Figure:
    took = []
    for _ in range(INTERRUPTS):
        asked, closed = len(journal.times("request")), len(journal.times("closed"))
        interrupted: list[float] = []

        def interrupt(
            message: dict[str, Any], asked: int = asked, interrupted: list[float] = interrupted
        ) -> None:
            if message["msg_type"] != "execute_input":
                return
            assert journal.wait("request", asked + 1, 10), "the cell asks nobody"
            time.sleep(0.3)  # some tokens on
            interrupted.append(time.time())
            kernel.manager.interrupt_kernel()

        ended = kernel.run(cell, interrupt)
        assert ended.reply["ename"] == "KeyboardInterrupt", ended.outputs
        seen = journal.wait("closed", closed + 1, PATIENCE_SECONDS)
        took.append((seen - interrupted[0]) * 1000 if seen else NEVER)
    return Figure(
        name=f"kernel interrupt → upstream closed, {when}, worst",
        ours=max(took),
        unit="ms",
        budget=200,
        samples=len(took),
    )
