"""What was sampled: every second of 15 minutes, and ten seconds at a time of a day.

A second of one server is seven floats of four bytes, so a day of it takes 270 kB, and one of ten
servers and the machine 3.2 MB (`tests/bench/metrics.py` measures it).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

from mlx_manager_jupyter.services.metrics.series import UNKNOWN, Table

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlx_manager_jupyter.schema import Metrics, ServerLoad
    from mlx_manager_jupyter.services.metrics.series import Columns

#: Seconds that the two tables reach back, and between two samples of the second.
FINE_SPAN, COARSE_SPAN, COARSE_STEP = 900.0, 86_400.0, 10.0

#: Servers that are remembered, the two below counted: a day has fewer, unless a script makes up
#: their names.
MOST_SERIES = 100

#: Of seconds: what was told as the time of a sample finds that sample again.
TIME_DECIMALS = 3

#: In the tables beside the servers; none of them can have such a name.
SYSTEM, TOTAL = " system", " total"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _last(values: Sequence[float]) -> float:
    return values[-1]


#: What stands for ten seconds. Where there is a limit, the nearest to it: a peak is not averaged
#: away.
_OF_SERVER: Mapping[str, Callable[[Sequence[float]], float]] = {
    "memory_bytes": max,
    "cpu_percent": _mean,
    "in_flight": max,
    "queued": max,
    "tokens_per_second": _mean,
    "first_token_p50": _last,
    "first_token_p95": _last,
}
_OF_SYSTEM: Mapping[str, Callable[[Sequence[float]], float]] = {
    "used_bytes": max,
    "available_bytes": min,
    "cpu_percent": _mean,
}
SERVER_COLUMNS, SYSTEM_COLUMNS = tuple(_OF_SERVER), tuple(_OF_SYSTEM)


class Cut(Struct, frozen=True):
    """Some of the history; copies, so that a thread may take its time with them."""

    step_seconds: float
    times: array[float]
    columns: dict[str, Columns]


class History:
    """Takes samples as they come; one that is earlier than the last means a clock set back."""

    def __init__(self, step_seconds: float = 1.0) -> None:
        self._step = step_seconds
        self._fine = Table(FINE_SPAN, MOST_SERIES)
        self._coarse = Table(COARSE_SPAN, MOST_SERIES)
        self._due: float | None = None
        """When the ten seconds began that go on."""

    def add(self, sample: Metrics) -> None:
        """Keep a sample."""
        time = round(sample.time.timestamp(), TIME_DECIMALS)
        if self._fine.times and time <= self._fine.times[-1]:
            self._fine.rewind(time)
            self._coarse.rewind(_began(time))
            self._due = _began(self._fine.times[-1]) if self._fine.times else None
        if self._due != _began(time):
            self._fold()
        self._due = _began(time)
        rows = {name: _row(load) for name, load in sample.servers.items()}
        memory, busy = sample.memory, _known(sample.cpu_percent)
        rows[SYSTEM] = [float(memory.used_bytes), float(memory.available_bytes), busy]
        rows[TOTAL] = _row(sample.total)
        self._fine.add(time, rows)

    def cut(self, since: float, step: int | None = None) -> Cut:
        """What was at that time or later.

        Args:
            since: seconds since 1970.
            step: 1 or 10 seconds between two samples; by default the finest that reaches back so
                far.
        """
        step_seconds, times, pieces = self.pieces(since, step)
        return Cut(step_seconds, times, dict(pieces))

    def pieces(
        self, since: float, step: int | None = None
    ) -> tuple[float, array[float], Iterator[tuple[str, Columns]]]:
        """The same, what takes time one after the other: a day is copied in milliseconds."""
        since = round(since, TIME_DECIMALS)
        self._fold()
        if step == COARSE_STEP or (step is None and self._only_coarse_knows(since)):
            return (COARSE_STEP, *self._coarse.cut(since))
        return (self._step, *self._fine.cut(since))

    def _only_coarse_knows(self, since: float) -> bool:
        """Whether something was then that is in the fine table no more."""
        if not self._fine.times:
            return False
        reach = self._fine.times[-1] - FINE_SPAN
        return since < reach and self._coarse.times[0] < _began(reach)

    def _fold(self) -> None:
        """Let one sample stand for the ten seconds that go on, as far as they have gone."""
        if self._due is None:
            return
        _, columns = self._fine.cut(self._due)
        self._coarse.rewind(self._due)
        self._coarse.add(self._due, {name: _folded(name, of) for name, of in columns})


def _began(time: float) -> float:
    return math.floor(time / COARSE_STEP) * COARSE_STEP


def _folded(name: str, columns: Columns) -> list[float]:
    folds = _OF_SYSTEM if name == SYSTEM else _OF_SERVER
    return [_fold(how, column) for how, column in zip(folds.values(), columns, strict=True)]


def _fold(how: Callable[[Sequence[float]], float], column: array[float]) -> float:
    values = [value for value in column if not math.isnan(value)]
    return how(values) if values else UNKNOWN


def _row(load: ServerLoad) -> list[float]:
    return [_known(getattr(load, name)) for name in SERVER_COLUMNS]


def _known(value: float | None) -> float:
    return UNKNOWN if value is None else float(value)
