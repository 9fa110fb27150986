"""What the gateway adds to asking the engine itself, at the loopback door and under Jupyter's URL.

One engine that costs next to nothing, one Jupyter server, this process as the clients. The targets
take turns, and the figure of a target is that of its best round: what else the machine does can
only make one worse. *Added* is the difference of the same percentile, ours less direct; a *chunk's
delay* runs from the engine's send to the client's read.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tests.bench import peers
from tests.bench.figures import Figure, percentile
from tests.bench.load import Heard, Target, run
from tests.fixtures.jupyter import Jupyter
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ROUNDS = 5
STREAMS = 32
PACED = f"{STREAMS} paced streams"
FLOODED = f"{STREAMS} flooded streams"
PHASES: dict[str, dict[str, Any]] = {
    "1 stream": {"streams": 1, "requests": 100, "chunks": 2, "pace": 0.0},
    "8 paced streams": {"streams": 8, "requests": 4, "chunks": 50, "pace": 0.02},
    PACED: {"streams": STREAMS, "requests": 4, "chunks": 50, "pace": 0.02},
    "128 paced streams": {"streams": 128, "requests": 1, "chunks": 50, "pace": 0.02},
    FLOODED: {"streams": STREAMS, "requests": 1, "chunks": 1000, "pace": 0.0},
}
#: LiteLLM takes minutes for what the others do in seconds: it runs these alone.
LITELLM_PHASES = ("1 stream", "8 paced streams", PACED)
DIRECT, DOOR, JUPYTER = "direct", "door", "Jupyter's URL"
PROXY, LITELLM = "jupyter-server-proxy", "LiteLLM"

#: (p50, p99) of the added first-chunk time in ms, at 32 paced streams.
FIRST_CHUNK = {DOOR: (1.5, 5.0), JUPYTER: (2.5, 8.0)}


class Rig:
    """The targets, and what was measured of them."""

    def __init__(self, jupyter: Jupyter, *, litellm: bool, stack: ExitStack) -> None:
        model = make("chat", jupyter.folder / "model")
        jupyter.api("servers", "POST", {"model": str(model), "name": "bench"})
        port = jupyter.until("bench", "ready")["port"]
        key = jupyter.api("keys", "POST", {"label": "bench"})["secret"]
        door = json.loads(jupyter.connection_file.read_text("utf-8"))["url"]
        chat, bearer = "v1/chat/completions", {"Authorization": f"Bearer {key}"}
        self.targets = {
            DIRECT: Target(f"http://127.0.0.1:{port}/{chat}", "default_model"),
            DOOR: Target(f"{door}{chat}", "bench", bearer),
            JUPYTER: Target(f"{jupyter.url}mlx-manager/{chat}", "bench", bearer),
        }
        if peers.jupyter_server_proxy():
            self.targets[PROXY] = Target(
                f"{jupyter.url}proxy/{port}/{chat}",
                "default_model",
                {"Authorization": f"token {jupyter.token}"},
            )
        if litellm and (made := stack.enter_context(peers.litellm(jupyter.folder, port))):
            url, secret = made
            login = {"Authorization": f"Bearer {secret}"}
            self.targets[LITELLM] = Target(f"{url}{chat}", "bench", login)
        self._jupyter = jupyter
        self._process = psutil.Process(jupyter.process.pid)
        self.heard: dict[tuple[str, str], list[Heard]] = defaultdict(list)
        self.lag: dict[str, list[list[float]]] = defaultdict(list)
        self.cpu: dict[tuple[str, str], list[float]] = defaultdict(list)
        """Seconds of the Jupyter server's CPU a chunk, by run."""

    async def measure(self) -> None:
        """Let everybody take turns; the first turn only warms up."""
        for target in self.targets.values():
            await run(target, Heard(), streams=4, requests=2, chunks=20, pace=0.0)
        for phase in ROUNDS * list(PHASES):
            for name, target in self.targets.items():
                if name == LITELLM and phase not in LITELLM_PHASES:
                    continue
                options = PHASES[phase]
                before, _ = self._used(), self._lag()
                self.heard[phase, name].append(Heard())
                await run(target, self.heard[phase, name][-1], **options)
                chunks = options["streams"] * options["requests"] * options["chunks"]
                self.cpu[phase, name].append((self._used() - before) / chunks)
                if phase == PACED:
                    self.lag[name].append(self._lag())

    def first(self, phase: str, name: str, percent: float) -> float | None:
        """Added first-chunk time in ms, None for a target that is not there."""
        if (phase, name) not in self.heard:
            return None
        return self.took(phase, name, percent) - self.took(phase, DIRECT, percent)

    def took(self, phase: str, name: str, percent: float) -> float:
        """First-chunk time in ms."""
        rounds = self.heard[phase, name]
        return 1000 * min(percentile(heard.first, percent) for heard in rounds)

    def late(self, name: str) -> float:
        """The event loop's lag in ms, p99, 32 paced streams."""
        return 1000 * min(percentile(late, 99) for late in self.lag[name])

    def delay(self, name: str) -> float | None:
        """A chunk's delay in ms, p99, 32 paced streams."""
        if name not in self.targets:
            return None
        return 1000 * min(percentile(heard.delays, 99) for heard in self.heard[PACED, name])

    def rate(self, phase: str, name: str) -> float | None:
        """Chunks a second as a part of direct's."""
        if (phase, name) not in self.heard:
            return None
        rates, direct = (
            max(heard.rate for heard in self.heard[phase, each]) for each in (name, DIRECT)
        )
        return rates / direct

    def cpu_a_chunk(self, phase: str, name: str) -> float | None:
        """µs of the Jupyter server's CPU a chunk."""
        return 1e6 * min(self.cpu[phase, name]) if name in self.targets else None

    def _used(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def _lag(self) -> list[float]:
        request = urllib.request.Request(  # noqa: S310  loopback
            f"{self._jupyter.url}bench/lag",
            headers={"Authorization": f"token {self._jupyter.token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  loopback
            late: list[float] = json.load(answer)
            return late


def measure(folder: Path, *, litellm: bool = False) -> Iterator[Figure]:
    """The budgets of the gateway."""
    proxy = peers.jupyter_server_proxy()
    extensions = ["tests.bench.lag", *(["jupyter_server_proxy"] if proxy else [])]
    options = [f"--ServerApp.jpserver_extensions={name}=True" for name in extensions]
    jupyter = Jupyter(
        folder,
        # What is measured is the copying, not the turns that an engine of 32 at a time has.
        options=(*options, "--Gateway.at_once=128"),
        engine=Path(__file__).with_name("upstream.py"),
        env={"PYTHONPATH": f"{ROOT}:{proxy}"},
    )
    with ExitStack() as stack:
        stack.enter_context(jupyter)
        rig = Rig(jupyter, litellm=litellm, stack=stack)
        asyncio.run(rig.measure())
    yield from report(rig, [PROXY, LITELLM] if litellm else [PROXY])


def report(rig: Rig, others: list[str]) -> Iterator[Figure]:
    """The same figures for both places."""
    for phase in PHASES:
        if phase == FLOODED:
            continue
        samples = sum(len(heard.first) for heard in rig.heard[phase, DIRECT])
        for percent in (50, 99):
            value = rig.took(phase, DIRECT, percent)
            name = f"direct: first chunk p{percent}, {phase}"
            yield Figure(name=name, ours=value, unit="ms", samples=samples)
            for place in (DOOR, JUPYTER):
                budget = FIRST_CHUNK[place][percent == 99] if phase == PACED else None
                yield Figure(
                    name=f"{place}: added first chunk p{percent}, {phase}",
                    ours=rig.first(phase, place, percent) or 0.0,
                    unit="ms",
                    budget=budget,
                    peers={name: rig.first(phase, name, percent) for name in others},
                    samples=samples,
                )
    for place in (DOOR, JUPYTER):
        yield Figure(
            name=f"{place}: chunk delay p99, {PACED}",
            ours=rig.delay(place) or 0.0,
            unit="ms",
            budget=5.0,
            peers={name: rig.delay(name) for name in [*others, DIRECT]},
            samples=sum(len(heard.delays) for heard in rig.heard[PACED, place]),
        )
        for phase, budget in ((PACED, 0.95), (FLOODED, 0.75)):
            yield Figure(
                name=f"{place}: throughput of direct, {phase}",
                ours=rig.rate(phase, place) or 0.0,
                unit="",
                budget=budget,
                at_least=True,
                peers={name: rig.rate(phase, name) for name in others},
                samples=ROUNDS,
            )
            yield Figure(
                name=f"{place}: CPU a chunk, {phase}",
                ours=rig.cpu_a_chunk(phase, place) or 0.0,
                unit="µs",
                peers={PROXY: rig.cpu_a_chunk(phase, PROXY)},
            )
        yield Figure(
            name=f"{place}: event-loop lag p99, {PACED}",
            ours=rig.late(place),
            unit="ms",
            peers={PROXY: rig.late(PROXY) if PROXY in rig.targets else None},
            samples=sum(map(len, rig.lag[place])),
        )
