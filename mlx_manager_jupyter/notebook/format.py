"""Figures as people read them; the same words as the panel's ``js/src/core/format.ts``.

Pure, without IPython: the command line uses it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlx_manager_jupyter.errors import MLXManagerError

KILO, MEGA, GIGA = 1e3, 1e6, 1e9
#: Tokens are counted in these where they come out even: 40,960 are 40k.
KIBI, MEBI, GIBI = 2**10, 2**20, 2**30
MINUTE, HOUR, DAY = 60, 3600, 86400
_AGES = (
    (365 * DAY, "year"),
    (30 * DAY, "month"),
    (7 * DAY, "week"),
    (DAY, "day"),
    (HOUR, "hour"),
    (MINUTE, "minute"),
)


def size(number: int) -> str:
    """``9.2 GB``, ``650 MB``: decimal units, as models' sizes are given.

    Args:
        number: bytes.
    """
    unit, name = _unit(number)
    return f"{_in(number, unit)} {name}"


def amount(done: int, total: int) -> str:
    """``2.0 of 4.6 GB``: both in the unit of the whole.

    Args:
        done: bytes.
        total: bytes.
    """
    unit, name = _unit(total)
    return f"{_in(done, unit)} of {_in(total, unit)} {name}"


def speed(bytes_per_second: float) -> str:
    """``84 MB/s``."""
    return f"{size(round(bytes_per_second))}/s"


def percent(share: float) -> str:
    """``62%`` of a share from 0 to 1; never 100 before the end."""
    return f"{int(min(1.0, share) * 100)}%"


def count(number: float) -> str:
    """``8.2B``, ``123K``: three figures."""
    for unit, name in ((GIGA, "B"), (MEGA, "M"), (KILO, "K")):
        figure = number / unit
        if figure >= 0.9995:  # noqa: PLR2004  from here on it is written 1
            return f"{figure:.3g}{name}" if figure < KILO else f"{figure:,.0f}{name}"
    return f"{number:.0f}"


def tokens(number: int) -> str:
    """``40k``, ``1M`` tokens, as makers of models count them: a k is 1024 where that comes out."""
    kilo = KIBI if number % KIBI == 0 else int(KILO)
    if number < KILO:
        return str(number)
    return f"{number / kilo**2:.3g}M" if number >= kilo**2 else f"{number / kilo:.0f}k"


def ago(number: float) -> str:
    """``now``, ``5 minutes ago``, ``yesterday``, ``2 weeks ago``.

    Args:
        number: seconds.
    """
    for seconds, unit in _AGES:
        if number >= seconds:
            times = int(number // seconds)
            if unit == "day" and times == 1:
                return "yesterday"
            return f"{times} {unit}{'s' if times > 1 else ''} ago"
    return "now"


def memory(held: int) -> str:
    """``9.2 GB``, ``650 MB`` of memory: binary units under their usual names, as the panel's."""
    large = abs(held) >= 999.5 * MEBI
    return f"{held / GIBI:.1f} GB" if large else f"{held / MEBI:.0f} MB"


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


def hints(error: MLXManagerError) -> list[str]:
    """What to do about an error, in lines; models that a name could have meant have one each."""
    hint = error.hint or ""
    if error.candidates:
        # The hint names them in a row, for where there is but one line.
        hint = hint.partition(error.candidates[0])[0].rstrip()
    return [*([hint] if hint else []), *(f"  {name}" for name in error.candidates)]


def _unit(number: int) -> tuple[float, str]:
    # 999.6 MB rounds to 1,000 MB, which nobody writes.
    if number >= 999.5 * MEGA:
        return GIGA, "GB"
    return (MEGA, "MB") if number >= MEGA else (KILO, "kB")


def _in(number: int, unit: float) -> str:
    digits = 1 if unit == GIGA and number < 99.95 * GIGA else 0
    return f"{number / unit:,.{digits}f}"
