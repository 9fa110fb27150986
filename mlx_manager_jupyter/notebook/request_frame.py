"""Columns of requests as a DataFrame. It imports pandas, so it is itself imported on use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlx_manager_jupyter.schema import COLUMN_KINDS, UNKNOWN_NUMBER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlx_manager_jupyter.schema import CodeKind, NumberKind, RequestColumns, Words

    Array = np.ndarray[Any, np.dtype[Any]]

#: Each has its own: as categories they would be two lists of as many texts.
_UNIQUE = "id"
#: Never unknown, so that they need no mask.
_KNOWN = "status"
_TYPES: dict[NumberKind | CodeKind, str] = {
    "flag": "?",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "float64": "<f8",
    "uint8": "u1",
    "uint16": "<u2",
    "uint32": "<u4",
}
NANOSECONDS = 1000


def frame(parts: Sequence[RequestColumns]) -> pd.DataFrame:
    """One row a request, oldest first.

    Times are ``datetime64[ns, UTC]``; what takes few values is categorical; tokens are nullable
    integers; durations and rates are floats, NaN where there is none.
    """
    order = _order(parts)

    def sorted_(column: Array) -> Array:
        return column if order is None else column[order]

    made: dict[str, Any] = {}
    for name, kind in COLUMN_KINDS.items():
        if name == _UNIQUE:
            made[name] = sorted_(_texts([_told(part, name) for part in parts]))
        elif kind == "words":
            categories, codes = _words([_told(part, name) for part in parts])
            made[name] = pd.Categorical.from_codes(sorted_(codes), categories)
        else:
            made[name] = _numbers(name, kind, sorted_(_joined(parts, name, kind)))
    return pd.DataFrame(made, copy=False)


def _order(parts: Sequence[RequestColumns]) -> Array | None:
    """Which row goes where; None if they are in order, as they mostly are."""
    times = _joined(parts, "time", "time")
    if bool((times[1:] >= times[:-1]).all()):
        return None
    return np.argsort(times, kind="stable")


def _joined(parts: Sequence[RequestColumns], name: str, kind: str) -> Array:
    """One column of all parts; one that a part lacks, since another version wrote it, is empty."""
    empty, wide = {
        "time": (0, "<i8"),
        "fraction": (np.nan, "<f8"),
        "whole": (UNKNOWN_NUMBER, "<i8"),
        "flag": (False, "?"),
    }[kind]
    found = [np.empty(0, wide)]
    for part in parts:
        told = part.numbers.get(name)
        if told is None:
            found.append(np.full(part.rows, empty, wide))
        else:
            found.append(np.frombuffer(told.values, _TYPES[told.kind]))
    return np.concatenate(found)


def _numbers(name: str, kind: str, values: Array) -> object:
    if kind == "time":
        return pd.DatetimeIndex((values * NANOSECONDS).view("M8[ns]")).tz_localize("UTC")
    if kind == "whole" and name != _KNOWN:
        return pd.arrays.IntegerArray(values, values == UNKNOWN_NUMBER)
    return values


def _texts(told: Sequence[tuple[tuple[str | None, ...], Array]]) -> Array:
    """The words themselves."""
    found = [np.empty(0, object)]
    found += [np.array(words, object)[of_part] for words, of_part in told]
    return np.concatenate(found)


def _told(part: RequestColumns, name: str) -> tuple[tuple[str | None, ...], Array]:
    """The words of a part's column, and which one each row has."""
    told: Words | None = part.words.get(name)
    if told is None:
        return (None,), np.zeros(part.rows, "u1")
    return told.words, np.frombuffer(told.codes, _TYPES[told.kind])


def _words(told: Sequence[tuple[tuple[str | None, ...], Array]]) -> tuple[list[str], Array]:
    """The different words of all parts, and which one each row has; -1 for none."""
    numbered: dict[str, int] = {}
    codes = [np.empty(0, "<i4")]
    for words, of_part in told:
        new = [-1 if word is None else numbered.setdefault(word, len(numbered)) for word in words]
        codes.append(np.array(new, "<i4")[of_part])
    return list(numbered), np.concatenate(codes)
