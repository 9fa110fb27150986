"""Figures as people read them; the same words as the panel's ``js/src/core/format.ts``."""

from __future__ import annotations

KILO, MEGA, GIGA = 1e3, 1e6, 1e9
MINUTE, HOUR, DAY = 60, 3600, 86400


def size(number: int) -> str:
    """``9.2 GB``, ``650 MB``: decimal units, as models' sizes are given.

    Args:
        number: bytes.
    """
    # 999.6 MB rounds to 1,000 MB, which nobody writes.
    if number >= 999.5 * MEGA:
        return f"{number / GIGA:.1f} GB"
    return f"{number / MEGA:.0f} MB" if number >= MEGA else f"{number / KILO:.0f} kB"


def rate(tokens_per_second: float) -> str:
    """``41 tok/s``; one decimal below ten, where it matters."""
    digits = 1 if 0 < tokens_per_second < 9.95 else 0  # noqa: PLR2004  9.95 is written 10
    return f"{tokens_per_second:,.{digits}f} tok/s"


def seconds(number: float) -> str:
    """``0.21 s``, ``3.1 s``, ``12 s``: how long something took; two figures."""
    if number < 0.995:  # noqa: PLR2004  from here on it would be written 1.00
        return f"{number:.2f} s"
    return f"{number:.1f} s" if number < 9.95 else f"{number:,.0f} s"  # noqa: PLR2004  the same


def duration(number: float) -> str:
    """``12 s``, ``5 m``, ``1 h 12 m``, ``3 d 4 h``: how long something has been going on.

    Args:
        number: seconds.
    """
    total = max(0, int(number))
    if total < MINUTE:
        return f"{total} s"
    if total < HOUR:
        return f"{total // MINUTE} m"
    if total < DAY:
        return f"{total // HOUR} h {total % HOUR // MINUTE} m"
    return f"{total // DAY} d {total % DAY // HOUR} h"


def short_model(model: str) -> str:
    """``Qwen3-8B-4bit`` of a repo id or of a folder's path."""
    return model.rstrip("/").rpartition("/")[2]
