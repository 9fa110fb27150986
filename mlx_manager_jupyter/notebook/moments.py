"""Points in time as people say them: ``1h`` ago, ``2026-01-31 14:00``.

Pure, without IPython: the command line uses it too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mlx_manager_jupyter.notebook.durations import seconds_in


def moment(given: str | datetime | timedelta) -> datetime:
    """A point in time, in UTC; one without a zone is local.

    Args:
        given: how long ago, as text or a timedelta; or the time, as text or a datetime.

    Raises:
        ValueError: it is none; the message says how to write one.
    """
    try:
        if isinstance(given, timedelta):
            return datetime.now(UTC) - given
        if isinstance(given, datetime):
            return given.astimezone(UTC)
        try:
            return datetime.fromisoformat(given.strip()).astimezone(UTC)
        except ValueError:
            return datetime.now(UTC) - timedelta(seconds=seconds_in(given))
    except (ValueError, OverflowError):
        words = "write how long ago, as 20m, 1h or 2d, or a time, as 2026-01-31 14:00"
        raise ValueError(f"{str(given)!r} is no time: {words}") from None
