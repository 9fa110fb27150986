"""Columns of floats that share one axis of time: a ring, cut where it is too old.

Sizes in bytes are kept as 32 bit floats, too: they are exact to a ten-millionth, which of 100 GB
is 10 kB, at half the room.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

UNKNOWN = math.nan

#: What is too old is cut off when it has become this part of what is kept.
SLACK = 0.05

Columns = list["array[float]"]


class Series:
    """The columns of one thing. It may come later than others, be away, and go."""

    __slots__ = ("_begins", "columns")

    def __init__(self, width: int, begins: int) -> None:
        """``begins`` is the number of the first sample that it is in."""
        self.columns: Columns = [array("f") for _ in range(width)]
        self._begins = begins

    @property
    def ends(self) -> int:
        """The number of the first sample that it is not in any more."""
        return self._begins + len(self.columns[0])

    def add(self, number: int, values: Sequence[float]) -> None:
        """Append a sample; since the last one it was away."""
        away = array("f", [UNKNOWN]) * (number - self.ends)
        for column, value in zip(self.columns, values, strict=True):
            column.extend(away)
            column.append(value)

    def cut(self, begins: int, ends: int) -> Columns:
        """Copies of the same samples of every column, unknown where it was not there."""
        first, last = max(begins, self._begins), min(ends, self.ends)
        if first >= last:
            return [array("f", [UNKNOWN]) * (ends - begins) for _ in self.columns]
        before = array("f", [UNKNOWN]) * (first - begins)
        after = array("f", [UNKNOWN]) * (ends - last)
        here = slice(first - self._begins, last - self._begins)
        if not before and not after:  # which spares two copies of nearly all
            return [column[here] for column in self.columns]
        return [before + column[here] + after for column in self.columns]

    def drop_before(self, number: int) -> None:
        """Forget older samples."""
        for column in self.columns:
            del column[: max(0, number - self._begins)]
        self._begins = max(self._begins, number)

    def drop_from(self, number: int) -> None:
        """Forget newer samples."""
        for column in self.columns:
            del column[max(0, number - self._begins) :]
        self._begins = min(self._begins, number)


class Table:
    """Series by name over the last ``span`` seconds; one that has no sample in them is gone.

    Of more than ``most`` the one that has been away for longest is forgotten.
    """

    def __init__(self, span: float, most: int) -> None:
        self._span = span
        self._most = most
        self._begins = 0
        self.times: array[float] = array("d")
        """Seconds, ever later."""
        self.series: dict[str, Series] = {}

    @property
    def ends(self) -> int:
        """The number of the next sample."""
        return self._begins + len(self.times)

    def add(self, time: float, rows: Mapping[str, Sequence[float]]) -> None:
        """Append a sample; ``time`` is later than all before."""
        number = self.ends
        for name, values in rows.items():
            if name not in self.series:
                self.series[name] = Series(len(values), number)
            self.series[name].add(number, values)
        while len(self.series) > max(self._most, len(rows)):
            del self.series[min(self.series, key=lambda each: self.series[each].ends)]
        self.times.append(time)
        if self.times[0] < time - self._span * (1 + SLACK):
            self._drop_before(self.number(time - self._span))

    def number(self, since: float) -> int:
        """Of the first sample at that time or later."""
        return self._begins + bisect_left(self.times, since)

    def cut(self, since: float) -> tuple[array[float], Iterator[tuple[str, Columns]]]:
        """Copies of what was at that time or later, and within the span: one series at a time.

        Whoever takes them may let others add samples in between: all are of the same times.
        """
        newest = self.times[-1] if self.times else 0.0
        begins, ends = self.number(max(since, newest - self._span)), self.ends
        there = [(name, each) for name, each in self.series.items() if each.ends > begins]
        copies = ((name, each.cut(begins, ends)) for name, each in there)
        return self.times[begins - self._begins :], copies

    def rewind(self, time: float) -> None:
        """Forget what was at that time or later: the clock was set back."""
        number = self.number(time)
        del self.times[number - self._begins :]
        for each in self.series.values():
            each.drop_from(number)
        self._forget_empty()

    def _drop_before(self, number: int) -> None:
        del self.times[: number - self._begins]
        self._begins = number
        for each in self.series.values():
            each.drop_before(number)
        self._forget_empty()

    def _forget_empty(self) -> None:
        self.series = {name: each for name, each in self.series.items() if each.columns[0]}
