"""Records as columns and back, with the standard library: the extension never imports numpy."""

from __future__ import annotations

import math
import sys
from array import array
from datetime import UTC, datetime, timedelta
from itertools import compress, repeat
from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.schema import (
    COLUMN_KINDS,
    UNKNOWN_NUMBER,
    CodeKind,
    NumberKind,
    Numbers,
    RequestColumns,
    RequestRecord,
    Words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: How the array module calls them.
_CODES: dict[NumberKind | CodeKind, str] = {
    "flag": "B",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "float64": "d",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
}
_WHOLE: tuple[tuple[NumberKind, int], ...] = (("int16", 2**15), ("int32", 2**31), ("int64", 2**63))
_WORDS: tuple[tuple[CodeKind, int], ...] = (("uint8", 2**8), ("uint16", 2**16), ("uint32", 2**32))
_LARGEST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: What a column that is not there says: another version had no such field.
_DEFAULTS = {
    field.name: field.default
    for field in msgspec.structs.fields(RequestRecord)
    if field.default is not msgspec.NODEFAULT
}


def no_pause() -> None:
    """Go on at once."""


def pack(records: Iterable[RequestRecord], pause: Callable[[], None] = no_pause) -> RequestColumns:
    """The same as columns, in order of time; ``pause`` is called every millisecond or so."""
    rows = sorted(records, key=_time_of)
    numbers, words = {}, {}
    for name, kind in COLUMN_KINDS.items():
        values = [getattr(row, name) for row in rows]
        if kind == "words":
            words[name] = _words(values)
        else:
            numbers[name] = _PACKERS[kind](values)
        pause()
    return RequestColumns(rows=len(rows), numbers=numbers, words=words)


def records(columns: RequestColumns) -> Iterator[RequestRecord]:
    """The rows, in their order; of columns that this version does not know, nothing."""
    read: list[Iterable[Any]] = []
    for name, kind in COLUMN_KINDS.items():
        if name in columns.words:
            told = columns.words[name]
            read.append(map(told.words.__getitem__, _numbers(told)))
        elif name in columns.numbers:
            numbers = columns.numbers[name]
            read.append(map(_READERS[kind], numbers_of(numbers.kind, numbers.values)))
        else:
            read.append(repeat(_DEFAULTS.get(name, ""), columns.rows))
    names = tuple(COLUMN_KINDS)
    for values in zip(*read, strict=True):
        yield RequestRecord(**dict(zip(names, values, strict=True)))


def keep(columns: RequestColumns, chosen: bytearray) -> RequestColumns:
    """Only the rows that are chosen, with one byte for each; words that none of them has go."""
    return RequestColumns(
        rows=sum(chosen),
        numbers={
            name: Numbers(kind=each.kind, values=_chosen(each.kind, each.values, chosen).tobytes())
            for name, each in columns.numbers.items()
        },
        words={name: _only(each, chosen) for name, each in columns.words.items()},
    )


def where(told: Words, word: str) -> bytearray:
    """One byte for each row: whether it has this word."""
    if word not in told.words:
        return bytearray(len(_numbers(told)))
    wanted = told.words.index(word)
    if told.kind == "uint8":
        return bytearray(told.codes).translate(bytes(code == wanted for code in range(256)))
    return bytearray(code == wanted for code in _numbers(told))


def numbers_of(kind: NumberKind | CodeKind, packed: bytes) -> array[Any]:
    """The numbers of a column, or the codes of its words."""
    found = array(_CODES[kind], packed)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def times(columns: RequestColumns) -> array[int]:
    """When each request came, in microseconds since 1970."""
    column = columns.numbers["time"]
    return numbers_of(column.kind, column.values)


def microseconds(moment: datetime) -> int:
    """Since 1970, exactly; a time without a zone is one of UTC."""
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (known - _EPOCH) // _MICROSECOND


def _time_of(row: RequestRecord) -> int:
    return microseconds(row.time)


def _packed(kind: NumberKind | CodeKind, values: Iterable[Any]) -> bytes:
    numbers = array(_CODES[kind], values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _chosen(kind: NumberKind | CodeKind, packed: bytes, chosen: bytearray) -> array[Any]:
    return array(_CODES[kind], compress(array(_CODES[kind], packed), chosen))


def _only(told: Words, chosen: bytearray) -> Words:
    if told.kind != "uint8":  # as many words as rows, or nearly: all are looked at anyway
        return _words(map(told.words.__getitem__, compress(_numbers(told), chosen)))
    codes = bytes(compress(told.codes, chosen))
    used = sorted(set(codes))
    table = bytearray(256)
    for new, old in enumerate(used):
        table[old] = new
    words = tuple(told.words[code] for code in used)
    return Words(words=words, kind="uint8", codes=codes.translate(table))


def _numbers(told: Words) -> array[int]:
    return numbers_of(told.kind, told.codes)


def _times(values: list[datetime]) -> Numbers:
    return Numbers(kind="int64", values=_packed("int64", map(microseconds, values)))


def _fractions(values: list[float | None]) -> Numbers:
    known = (math.nan if value is None else value for value in values)
    return Numbers(kind="float64", values=_packed("float64", known))


def _wholes(values: list[int | None]) -> Numbers:
    # Tokens are what an engine says, which may be anything.
    known = [
        value if value is not None and 0 <= value <= _LARGEST else UNKNOWN_NUMBER
        for value in values
    ]
    most = max(known, default=0)
    kind = next(kind for kind, limit in _WHOLE if most < limit)
    return Numbers(kind=kind, values=_packed(kind, known))


def _flags(values: list[bool]) -> Numbers:
    return Numbers(kind="flag", values=bytes(values))


def _words(values: Iterable[str | None]) -> Words:
    numbered: dict[str | None, int] = {}
    codes = [numbered.setdefault(value, len(numbered)) for value in values]
    kind = next(kind for kind, limit in _WORDS if len(numbered) <= limit)
    return Words(words=tuple(numbered), kind=kind, codes=_packed(kind, codes))


_PACKERS: dict[str, Callable[[list[Any]], Numbers]] = {
    "time": _times,
    "fraction": _fractions,
    "whole": _wholes,
    "flag": _flags,
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "time": lambda value: _EPOCH + timedelta(microseconds=value),
    "fraction": lambda value: None if math.isnan(value) else value,
    "whole": lambda value: None if value == UNKNOWN_NUMBER else value,
    "flag": bool,
}
