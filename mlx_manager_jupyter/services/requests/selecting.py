"""Which rows of the log a question is about.

Segments that it is about as a whole are not even unpacked; of the others, the fewest are read.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import compress
from operator import attrgetter
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.request_log import (
    keep,
    microseconds,
    records,
    times,
    where,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlx_manager_jupyter.adapters.request_log import Part
    from mlx_manager_jupyter.schema import RequestColumns, RequestRecord, RequestsQuery

    #: A part, and what is chosen of it: None for all.
    Chosen = tuple[Part, RequestColumns | None]


def select(parts: Iterable[Part], query: RequestsQuery) -> Iterator[Chosen]:
    """The newest rows that the query means, by the first row of each part."""
    since = microseconds(query.since) if query.since else 0
    near = sorted((part for part in parts if part.last >= since), key=attrgetter("first"))
    begin, surplus = _begin(near, query, since)
    for part in near:
        if part.last < begin:
            continue
        if query.server is None and part.first >= begin + bool(surplus):
            yield part, None
            continue
        columns = part.columns()
        if columns is None:
            continue
        chosen, surplus = _choose(columns, query.server, begin, surplus)
        if any(chosen):
            yield part, keep(columns, chosen)


def in_order(selected: Iterable[Chosen]) -> Iterator[Sequence[RequestRecord]]:
    """The rows of all parts by time, some at a time: what several wrote at once is interleaved."""
    held: list[RequestRecord] = []
    for part, chosen in selected:
        columns = chosen or part.columns()
        if columns is None:
            continue
        # No later part has anything that came before the first row of this one.
        ready = bisect_left(held, part.first, key=_moment)
        yield held[:ready]
        held = sorted([*held[ready:], *records(columns)], key=_moment)
    yield held


def _begin(parts: Sequence[Part], query: RequestsQuery, since: int) -> tuple[int, int]:
    """From when on rows are meant, and how many of that very moment are too many."""
    if sum(part.rows for part in parts) <= query.limit:
        return since, 0
    found: list[array[int]] = []
    left = sorted(parts, key=attrgetter("last"))
    while left:
        newer = sum(len(moments) - bisect_right(moments, left[-1].last) for moments in found)
        if newer >= query.limit:
            break  # what is left is older than all of these
        found.append(_moments(left.pop(), query.server))

    def count(moment: int) -> int:
        return sum(len(moments) - bisect_left(moments, moment) for moments in found)

    if not left and count(since) <= query.limit:
        return since, 0
    begin, too_late = since, max(part.last for part in parts) + 1
    while too_late - begin > 1:
        middle = (begin + too_late) // 2
        if count(middle) >= query.limit:
            begin = middle
        else:
            too_late = middle
    return begin, count(begin) - query.limit


def _moments(part: Part, server: str | None) -> array[int]:
    """When its requests came, of all servers or of one."""
    columns = part.columns()
    if columns is None:
        return array("q")
    moments = times(columns)
    if server is None:
        return moments
    return array("q", compress(moments, where(columns.words["server"], server)))


def _choose(
    columns: RequestColumns, server: str | None, begin: int, surplus: int
) -> tuple[bytearray, int]:
    """Which rows are meant, and how many too many are left."""
    moments = times(columns)
    first = bisect_left(moments, begin)
    named = columns.words["server"]
    chosen = bytearray(b"\1" * columns.rows) if server is None else where(named, server)
    chosen[:first] = bytes(first)
    for row in range(first, bisect_right(moments, begin)):
        if surplus and chosen[row]:
            chosen[row] = 0
            surplus -= 1
    return chosen, surplus


def _moment(row: RequestRecord) -> int:
    return microseconds(row.time)
