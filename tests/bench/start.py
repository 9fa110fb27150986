"""What we cost before anybody asks for anything: ``%load_ext``, imports, Jupyter's start.

Every sample is a process of its own, and the candidates take turns. Of Jupyter's start, which takes
seconds, the least of all samples counts: whatever else the machine does can only add to it, and
would drown a share of a tenth of a second in a median.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tests.bench.figures import Figure
from tests.fixtures.jupyter import Jupyter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
LOADS = 9
STARTS = 8
START_SECONDS = 60
#: After ``/api`` answers, the extensions still open what they open; memory is read then.
SETTLE_SECONDS = 1.0

MEASURE = """
import json, os, time
import psutil
{before}
rss, wall, cpu = psutil.Process().memory_info().rss, time.perf_counter(), time.process_time()
{code}
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
rss = psutil.Process().memory_info().rss - rss
print(json.dumps([wall * 1000, cpu * 1000, rss / 1e6]))
"""
SHELL = "from IPython.core.interactiveshell import InteractiveShell as S; shell = S.instance()"
SERVER = "import jupyter_server.serverapp"
#: Python's garbage collector passes over everything once a quarter more is alive. Jupyter's own
#: objects make such a pass take 0.1 s or more, and whoever adds a few of his own can bring one on;
#: without it, what is left is our own work.
LAUNCH = {
    "": "from jupyter_server.serverapp import main; main()",
    ", garbage collector off": (
        "import gc; gc.disable(); from jupyter_server.serverapp import main; main()"
    ),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What it took."""

    wall_ms: float
    cpu_ms: float
    rss_mb: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(
            self.wall_ms - other.wall_ms, self.cpu_ms - other.cpu_ms, self.rss_mb - other.rss_mb
        )


def measure(folder: Path) -> Iterator[Figure]:
    """The budgets of loading and of Jupyter's start."""
    ours, autoreload, package, extension = _interpreters(
        folder,
        (SHELL, "shell.run_line_magic('load_ext', 'mlx_manager_jupyter')"),
        (SHELL, "shell.run_line_magic('load_ext', 'autoreload')"),
        ("", "import mlx_manager_jupyter"),
        (SERVER, "import mlx_manager_jupyter.extension.app"),
    )
    yield Figure(
        name="%load_ext mlx_manager_jupyter",
        ours=ours.wall_ms,
        unit="ms",
        budget=150,
        peers={"autoreload": autoreload.wall_ms},
        samples=LOADS,
    )
    yield Figure(name="import mlx_manager_jupyter", ours=package.wall_ms, unit="ms", samples=LOADS)
    name = "import …extension.app beside serverapp"
    yield Figure(name=name, ours=extension.wall_ms, unit="ms", samples=LOADS)
    yield Figure(name=f"{name}, memory", ours=extension.rss_mb, unit="MB", samples=LOADS)

    for launch, code in LAUNCH.items():
        costs = _servers(folder, code)
        share, bare = costs["with"] - costs["without"], costs["without"]
        name = f"share of a Jupyter server's start{launch}"
        yield Figure(
            name=f"{name}, until /api answers",
            ours=share.wall_ms,
            unit="ms",
            budget=None if launch else 150,
            peers={"Jupyter itself": bare.wall_ms},
            samples=STARTS,
        )
        yield Figure(
            name=f"{name}, CPU until then",
            ours=share.cpu_ms,
            unit="ms",
            peers={"Jupyter itself": bare.cpu_ms},
            samples=STARTS,
        )
        if not launch:
            yield Figure(
                name=f"{name}, memory",
                ours=share.rss_mb,
                unit="MB",
                budget=25,
                peers={"Jupyter itself": bare.rss_mb},
                samples=STARTS,
            )


def _interpreters(folder: Path, *snippets: tuple[str, str]) -> list[Cost]:
    """Run each (preparation, measured code) in fresh interpreters that take turns."""
    env = _compiled(os.environ) | {"IPYTHONDIR": str(folder / "ipython")}
    seen: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for turn in range(1 + LOADS):
        for snippet in snippets:
            before, code = snippet
            script = MEASURE.format(before=before, code=code)
            argv = [sys.executable, "-c", script]
            told = subprocess.run(argv, env=env, cwd=folder, capture_output=True, check=True)
            if turn:  # the first turn fills the caches
                seen[snippet].append(json.loads(told.stdout.splitlines()[-1]))
    return [_each(statistics.median, seen[snippet]) for snippet in snippets]


def _compiled(env: Mapping[str, str]) -> dict[str, str]:
    """With compiled modules, which every installation has, whatever this shell asks for."""
    kept = {name: value for name, value in env.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(ROOT)}


def _servers(folder: Path, code: str) -> dict[str, Cost]:
    """Start Jupyter servers with and without the extension, in turns."""
    seen: dict[str, list[list[float]]] = defaultdict(list)
    for turn in range(1 + STARTS):
        for name, enabled in (("without", False), ("with", True)):
            sample = _start(Jupyter(folder / name), code, enabled=enabled)
            if turn:
                seen[name].append(sample)
    return {name: _each(min, samples) for name, samples in seen.items()}


def _start(jupyter: Jupyter, code: str, *, enabled: bool) -> list[float]:
    """Start one and end it; until ``/api`` answers: ms, ms of CPU; then the memory in MB."""
    jupyter.folder.mkdir(parents=True, exist_ok=True)
    argv = [
        *(sys.executable, "-c", code, "--no-browser", "--allow-root"),
        *(f"--ServerApp.port={jupyter.port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={jupyter.token}", f"--ServerApp.root_dir={jupyter.folder}"),
        f"--ServerApp.jpserver_extensions=mlx_manager_jupyter={enabled}",
    ]
    options: dict[str, Any] = {"env": _compiled(jupyter.environment)}
    with jupyter.log.open("ab") as log:
        began = time.perf_counter()
        options |= {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        process = subprocess.Popen(argv, **options)
    try:
        while not _answers(f"{jupyter.url}api"):
            assert process.poll() is None, jupyter.log.read_text("utf-8")
            assert time.perf_counter() - began < START_SECONDS, "Jupyter does not start"
            time.sleep(0.005)
        wall = time.perf_counter() - began
        times = psutil.Process(process.pid).cpu_times()
        time.sleep(SETTLE_SECONDS)
        rss = psutil.Process(process.pid).memory_info().rss
        file = jupyter.folder / "runtime" / f"mlx-manager-jupyter-{process.pid}.json"
        assert file.exists() == enabled, "the extension is not as it was asked to be"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    return [wall * 1000, (times.user + times.system) * 1000, rss / 1e6]


def _each(pick: Callable[[Sequence[float]], float], samples: list[list[float]]) -> Cost:
    return Cost(*map(pick, zip(*samples, strict=True)))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310  loopback
            return True
    except (urllib.error.URLError, ConnectionError):
        return False
