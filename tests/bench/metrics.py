"""Ten servers are sampled once a second: what that costs, in time, in lag and in memory.

Sampling is switched off and on again several times in the same Jupyter server with the same ten
engines, since other programs' noise is larger than what is measured. The peer is the walk that
comes to mind first: each second all processes below each server, with their memory and processor
time, by psutil.
"""

from __future__ import annotations

import itertools
import sys
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import msgspec
import psutil

from mlx_manager_jupyter.schema import Memory, Metrics, ServerLoad
from mlx_manager_jupyter.services.metrics.answer import answer
from mlx_manager_jupyter.services.metrics.history import Cut, History
from tests.bench.figures import Figure, percentile
from tests.bench.health import LAG_MS, _lags
from tests.bench.journal import Journal, serve
from tests.fixtures.jupyter import Jupyter
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
SERVERS = 10
#: Long enough to look for processes in, which is not done for every sample.
SECONDS, TURNS = 21.0, 4
WALKS = 10
DAY = 86_400
EXTENSIONS = ("tests.bench.lag", "tests.bench.switch")


def measure(folder: Path) -> Iterator[Figure]:
    """The budgets of metrics."""
    model = make("chat", folder / "model")
    jupyter = Jupyter(
        folder / "jupyter",
        options=tuple(f"--ServerApp.jpserver_extensions={name}=True" for name in EXTENSIONS),
        env={"PYTHONPATH": str(ROOT)},
    )
    with jupyter:
        for number in range(SERVERS):
            serve(jupyter, f"server-{number}", model, Journal(folder / f"{number}.jsonl"))
        shares = [(_used(jupyter, on=False), _used(jupyter, on=True)) for _ in range(TURNS)]
        _is_there(jupyter)
        walk = _walk([each["pid"] for each in jupyter.api("servers")])
        lags = {on: _late(jupyter, on=on) for on in (False, True)}
    yield Figure(
        name=f"{SERVERS} servers sampled every second, share of a core",
        ours=max(0.0, median(on - off for off, on in shares)) * 100,
        unit="%",
        budget=1,
        peers={
            "a walk by psutil": walk * 100,
            "all of Jupyter besides": median(off for off, _ in shares) * 100,
        },
        samples=TURNS,
    )
    for percent, word in ((50, "p50"), (99, "p99")):
        yield Figure(
            name=f"event loop's lag, {SERVERS} servers sampled every second, {word}",
            ours=percentile(lags[True], percent) * 1000,
            unit="ms",
            budget=LAG_MS if percent == 99 else None,
            peers={"not sampled": percentile(lags[False], percent) * 1000},
            samples=len(lags[True]),
        )
    yield from _of_a_day()


def _switch(jupyter: Jupyter, *, on: bool) -> None:
    request = urllib.request.Request(  # noqa: S310  loopback
        f"{jupyter.url}bench/sampling",
        method="POST" if on else "DELETE",
        headers={"Authorization": f"token {jupyter.token}"},
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  loopback


def _used(jupyter: Jupyter, *, on: bool) -> float:
    """The share of a core that Jupyter takes while nobody asks anything."""
    _switch(jupyter, on=False)
    if on:
        _switch(jupyter, on=True)
    process = psutil.Process(jupyter.process.pid)
    before, began = process.cpu_times(), time.monotonic()
    time.sleep(SECONDS)
    after, took = process.cpu_times(), time.monotonic() - began
    return (after.user + after.system - before.user - before.system) / took


def _late(jupyter: Jupyter, *, on: bool) -> list[float]:
    _switch(jupyter, on=False)
    if on:
        _switch(jupyter, on=True)
    _lags(jupyter)
    time.sleep(SECONDS)
    return _lags(jupyter)


def _is_there(jupyter: Jupyter) -> None:
    """It was worth its cost: a column for each server, a sample for each second."""
    since = (datetime.now(UTC) - timedelta(seconds=10)).isoformat()
    past = jupyter.api(f"metrics?since={urllib.parse.quote(since)}")
    assert len(past["servers"]) == SERVERS, list(past["servers"])
    assert len(past["times"]) >= 5, past["times"]


def _walk(pids: Sequence[int]) -> float:
    """The share of a core that it takes, at one walk a second."""
    psutil.cpu_percent()
    spent = 0.0
    for _ in range(WALKS):
        time.sleep(1.0)  # what is done once a second finds no cache warm, ours neither
        began = time.process_time()
        for pid in pids:
            engine = psutil.Process(pid)
            for process in (engine, *engine.children(recursive=True)):
                process.cpu_times()
                process.memory_info()
        psutil.virtual_memory()
        psutil.cpu_percent()
        spent += time.process_time() - began
    return spent / WALKS


def _of_a_day() -> Iterator[Figure]:
    """What is kept of a day, and what it takes to tell it."""
    history, end = History(), time.time()
    load = ServerLoad(memory_bytes=9 * 10**9, cpu_percent=97.5, tokens_per_second=41.27)
    memory = Memory(total_bytes=64 * 2**30, used_bytes=2**35, available_bytes=2**35)
    servers = {f"server-{number}": load for number in range(SERVERS)}
    moments = [end - DAY + 10 * number for number in range(DAY // 10 - 90)]
    moments += [end - 900 + number for number in range(900)]
    began = time.process_time()
    for moment in moments:
        sample = Metrics(
            time=datetime.fromtimestamp(moment, UTC),
            memory=memory,
            cpu_percent=23.5,
            servers=servers,
            total=load,
        )
        history.add(sample)
    added = (time.process_time() - began) / len(moments)
    tables = (history._fine, history._coarse)
    series = [each for table in tables for each in table.series.values()]
    columns = [column for each in series for column in each.columns]
    size = sum(map(sys.getsizeof, [*columns, *(table.times for table in tables)]))
    samples = sum(len(table.times) for table in tables)
    listed = samples * len(columns) // 2 * (8 + sys.getsizeof(0.5)) + samples * 32
    yield Figure(
        name=f"history of a day of {SERVERS} servers",
        ours=size / 1e6,
        unit="MB",
        peers={"lists of floats": listed / 1e6},
        samples=samples,
    )
    moments = [time.perf_counter()]
    step, times, pieces = history.pieces(0, 10)
    found = {}
    for name, piece in pieces:
        found[name] = piece
        moments.append(time.perf_counter())
    longest = max(after - before for before, after in itertools.pairwise(moments))
    told = answer(Cut(step, times, found), memory.total_bytes)
    in_thread = time.perf_counter() - moments[-1]
    body = msgspec.json.encode(told)
    yield Figure(
        name="one more sample, on the event loop",
        ours=added * 1000,
        unit="ms",
        samples=samples,
    )
    yield Figure(
        name=f"all of it as {len(body) / 1e6:.1f} MB of JSON, at a time on the event loop",
        ours=longest * 1000,
        unit="ms",
        budget=LAG_MS,
        peers={"in a thread": in_thread * 1000},
    )
