"""A model comes whole: our worker beside ``hf download``, from the same Hub to the same disk.

Both are timed as whole processes. Ours has read every byte again for its checksum by the end, the
peer none. Then both are killed halfway and started again: what did the Hub send twice?
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.hub.worker.job import MODULE, Job, JobSpec
from tests.bench.figures import Figure, percentile
from tests.fixtures.hub import FakeHub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MODEL = "org/bench"
FILES, FILE_BYTES = 4, 128 << 20
TOTAL = FILES * FILE_BYTES
GIBIBYTES = TOTAL / 2**30
RUNS = 3
#: Of each connection, while something shall be killed halfway.
SLOW = 24 << 20
PEER = "hf download"


@dataclass(frozen=True)
class Spent:
    """What one process took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def measure(folder: Path) -> Iterator[Figure]:
    """The budget of downloads."""
    files: dict[str, object] = {"config.json": "{}"}
    for number in range(1, FILES + 1):
        name = f"model-{number:05}-of-{FILES:05}.safetensors"
        files[name] = {"size": FILE_BYTES, "seed": number}
    with FakeHub() as hub:
        hub.add(MODEL, files=files)
        environment = hub.environment(folder / "home")
        commands: dict[str, Callable[[Path], list[str]]] = {"ours": _ours, PEER: _theirs}
        spent: dict[str, list[Spent]] = {name: [] for name in commands}
        for run in range(RUNS):
            for name, command in commands.items():
                place = folder / f"{name}-{run}"
                spent[name].append(_run(command(place), environment))
                shutil.rmtree(place)
        yield from _costs(spent["ours"], spent[PEER])
        yield Figure(
            name="sent again after kill -9 halfway",
            ours=_sent_again(hub, _ours(folder / "killed"), environment),
            unit="%",
            budget=1,
            peers={PEER: _sent_again(hub, _theirs(folder / "killed-peer"), environment)},
            samples=1,
        )


def _costs(ours: list[Spent], peer: list[Spent]) -> Iterator[Figure]:
    # In pairs: other work on the machine slows both of a pair, and ratios of pairs travel.
    ratios = [theirs.seconds / mine.seconds for mine, theirs in zip(ours, peer, strict=True)]
    yield Figure(
        name=f"{FILES} x {FILE_BYTES >> 20} MiB, by the speed of {PEER}, checksums included",
        ours=percentile(ratios, 50),
        unit="x",
        budget=1.2,
        at_least=True,
        samples=len(ratios),
    )
    for name, unit, mine, theirs in (
        ("the same", "MB/s", *_medians(ours, peer, lambda each: TOTAL / each.seconds / 1e6)),
        ("processor", "s/GiB", *_medians(ours, peer, lambda each: each.cpu_seconds / GIBIBYTES)),
        ("peak memory", "MB", *_medians(ours, peer, lambda each: each.peak_bytes / 1e6)),
    ):
        yield Figure(name=name, ours=mine, unit=unit, peers={PEER: theirs}, samples=len(ours))


def _medians(
    ours: list[Spent], peer: list[Spent], value: Callable[[Spent], float]
) -> tuple[float, float]:
    return percentile([*map(value, ours)], 50), percentile([*map(value, peer)], 50)


def _ours(place: Path) -> list[str]:
    job = Job(place / "job")
    job.write(JobSpec(model=MODEL, cache=str(place / "cache")))
    return [sys.executable, "-P", "-m", MODULE, str(job.folder)]


def _theirs(place: Path) -> list[str]:
    command = Path(sys.executable).with_name("hf")
    return [str(command), "download", MODEL, "--cache-dir", str(place / "cache"), "--quiet"]


def _run(argv: list[str], environment: Mapping[str, str]) -> Spent:
    began = time.monotonic()
    process = _start(argv, environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{argv} ended with {process.returncode}"
    unit = 1 if sys.platform == "darwin" else 1024
    return Spent(
        seconds=time.monotonic() - began,
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_bytes=used.ru_maxrss * unit,
    )


def _sent_again(hub: FakeHub, argv: list[str], environment: Mapping[str, str]) -> float:
    """Percent of the model that was sent twice."""
    hub.clear()
    hub.reset()
    hub.fault("slow", origin="cdn", bytes_per_second=SLOW)
    with _start(argv, environment) as process:
        hub.until(lambda hub: hub.sent(origin="cdn") > TOTAL // 2, 120)
        process.kill()
    hub.clear()
    _run(argv, environment)
    return (hub.sent(origin="cdn") - TOTAL) / TOTAL * 100


def _start(argv: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(
        argv, env=dict(environment), stdin=nothing, stdout=nothing, stderr=nothing
    )
