"""Times as people type them: ``20m``, ``90s``, ``1h30m``, ``45``.

Pure, without IPython: the command line uses it too.
"""

from __future__ import annotations

import math
import re

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = r"(?:(\d+(?:\.\d+)?)\s*{}\s*)?"
_DURATION = re.compile("".join(_PART.format(unit) for unit in _SECONDS), re.ASCII | re.IGNORECASE)
_PLAIN = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


def seconds_in(text: str) -> float:
    """Seconds of a time; a plain number is one of seconds already.

    Raises:
        ValueError: it is no time, none at all, or endless; the message says how to write one.
    """
    given = text.strip()
    if _PLAIN.fullmatch(given):
        total = float(given)
    elif given and (found := _DURATION.fullmatch(given)):
        parts = zip(found.groups(), _SECONDS.values(), strict=True)
        total = sum(float(number) * unit for number, unit in parts if number)
    else:
        raise ValueError(f"{text!r} is no time: write it as 20m, 90s, 1h30m or a number of seconds")
    if not 0 < total < math.inf:
        raise ValueError(f"{text!r} is no time to wait: it must be more than nothing")
    return total
