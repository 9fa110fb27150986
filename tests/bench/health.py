"""Twenty servers are asked again and again whether they are well: what that costs the event loop.

The loop's lag is measured by another extension of the same Jupyter server: how much later than
asked its own callbacks come. Beside it the same with nobody asking. To see anything at all they are
asked every half second, twenty times as often as by default.
"""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.bench.figures import Figure, percentile
from tests.bench.journal import Journal, serve
from tests.fixtures.jupyter import Jupyter
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SERVERS = 20
SECONDS = 15.0
OFTEN, NEVER = 0.5, 3600.0
#: By default: what the share of a core is scaled to.
USUAL = 10.0
#: Ours: a chunk of a stream must not wait for it.
LAG_MS = 5.0


def measure(folder: Path) -> Iterator[Figure]:
    """The figures of health checks."""
    model = make("chat", folder / "model")
    lag: dict[float, list[float]] = {}
    used: dict[float, float] = {}
    for interval in (NEVER, OFTEN):
        jupyter = Jupyter(
            folder / f"every-{interval:g}",
            options=(
                "--ServerApp.jpserver_extensions=tests.bench.lag=True",
                f"--MLXManager.health_check_interval={interval}",
            ),
            env={"PYTHONPATH": str(ROOT)},
        )
        with jupyter:
            for number in range(SERVERS):
                journal = Journal(folder / f"{interval:g}-{number}.jsonl")
                serve(jupyter, f"server-{number}", model, journal)
            lag[interval], used[interval] = _watch(jupyter)
            asked = [each["health"] for each in jupyter.api("servers")]
        assert asked == ["ok" if interval == OFTEN else None] * SERVERS, asked
    for percent, word in ((50, "p50"), (99, "p99"), (100, "worst")):
        yield Figure(
            name=f"event loop's lag, {SERVERS} servers asked every {OFTEN:g} s, {word}",
            ours=percentile(lag[OFTEN], percent) * 1000,
            unit="ms",
            budget=LAG_MS if percent == 99 else None,
            peers={"nobody asks": percentile(lag[NEVER], percent) * 1000},
            samples=len(lag[OFTEN]),
        )
    yield Figure(
        name=f"{SERVERS} servers asked every {USUAL:g} s, share of a core",
        ours=max(0.0, used[OFTEN] - used[NEVER]) * OFTEN / USUAL * 100,
        unit="%",
        budget=1,
        peers={"all of Jupyter, nobody asks": used[NEVER] * 100},
    )


def _watch(jupyter: Jupyter) -> tuple[list[float], float]:
    """The loop's lags, and the share of a core that Jupyter took."""
    process = psutil.Process(jupyter.process.pid)
    time.sleep(2.0)  # what the starts left to do
    _lags(jupyter)
    before, began = process.cpu_times(), time.monotonic()
    time.sleep(SECONDS)
    after, took = process.cpu_times(), time.monotonic() - began
    spent = after.user + after.system - before.user - before.system
    return _lags(jupyter), spent / took


def _lags(jupyter: Jupyter) -> list[float]:
    request = urllib.request.Request(  # noqa: S310  loopback
        f"{jupyter.url}bench/lag", headers={"Authorization": f"token {jupyter.token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  loopback
        late: list[float] = json.load(answer)
        return late
