"""What people see while a command works: steps on stderr, so that stdout is the result alone."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What takes less needs no explanation.
QUIET_SECONDS = 1.0
#: A terminal is redrawn at most this often, a log file gets a line at most that often.
REDRAW_SECONDS = 0.1
LOG_SECONDS = 5.0


class Step:
    """One line of work in progress. Made by `Terminal.step`."""

    def __init__(self, what: str, stream: TextIO) -> None:
        self._what = what
        self._stream = stream
        self._live = stream.isatty()
        self._start = self._drawn = monotonic()
        self._show("…")

    def progress(self, how_far: str) -> None:
        """Say how far it has come, as often as one likes."""
        pause = REDRAW_SECONDS if self._live else LOG_SECONDS
        if monotonic() - self._drawn >= pause:
            self._drawn = monotonic()
            self._show(how_far)

    def end(self, mark: str) -> None:
        """Finish the line with a mark and the time it took."""
        self._show(f"{mark} {monotonic() - self._start:.1f} s", end="\n")

    def _show(self, text: str, end: str = "") -> None:
        if self._live:
            # A line that wraps can't be drawn anew.
            line = f"{self._what} {text}"[: shutil.get_terminal_size().columns - 1]
            print(f"\r\033[K{line}", end=end, file=self._stream, flush=True)
        else:
            print(f"{self._what} {text}", file=self._stream, flush=True)


class Terminal:
    """Where a command talks to a person."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=self._stream, flush=True)

    def begin(self, what: str) -> Step:
        """Show that something is going on; whoever calls this ends the line."""
        return Step(what, self._stream)

    @contextmanager
    def late_step(self, what: str) -> Iterator[Callable[[float], None]]:
        """The same for what is mostly over in a moment: call the answer with the seconds so far."""
        steps: list[Step] = []

        def wait(seconds: float) -> None:
            if not steps and seconds >= QUIET_SECONDS:
                steps.append(Step(what, self._stream))
            for step in steps:
                step.progress(f"{seconds:.0f} s")

        mark = "✗"
        try:
            yield wait
            mark = "✓"
        finally:
            for step in steps:
                step.end(mark)

    @contextmanager
    def step(self, what: str) -> Iterator[Step]:
        """Show that something is going on, until the block ends; an error ends it with a cross."""
        step = Step(what, self._stream)
        try:
            yield step
        except BaseException:
            step.end("✗")
            raise
        step.end("✓")


def megabytes(done: int, total: int) -> str:
    """``43 of 93 MB (46 %)``, in units of 10⁶ bytes as disks and package indexes count."""
    share = min(done, total) / total
    return f"{min(done, total) / 1e6:.0f} of {total / 1e6:.0f} MB ({share:.0%})"
