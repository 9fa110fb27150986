"""One job: its record, and how often the world hears of it."""

from __future__ import annotations

import secrets
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.schema import EngineJob

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlx_manager_jupyter.schema import InstallEngine, Problem

#: Lines that viewers are shown.
TAIL = 20

#: Lines by which a failure is explained.
KEPT = 400

#: Seconds between two events that are only about new lines.
PAUSE = 0.25


class Job:
    """What is being done, and what was said meanwhile. Lines go to a log file too."""

    def __init__(
        self, wanted: InstallEngine, changed: Callable[[EngineJob], None], log: Path
    ) -> None:
        self.wanted = wanted
        self.log = log
        self.lines: deque[str] = deque(maxlen=KEPT)
        self._changed = changed
        self._told = 0.0
        with suppress(OSError):
            log.unlink(missing_ok=True)
        self.record = EngineJob(
            id=secrets.token_hex(6),
            kind=wanted.kind,
            action=wanted.action,
            state="running",
            stage="beginning",
            version=wanted.version,
            started_at=datetime.now(UTC),
        )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.record.state == "running"

    def stage(self, words: str) -> None:
        """Say what is being done from now on."""
        self._keep(f"== {words}")
        self._tell(replace(self.record, stage=words))

    def line(self, text: str) -> None:
        """Take down what a command printed."""
        self._keep(text)
        if time.monotonic() - self._told >= PAUSE:
            self._tell(self.record)

    def found(self, version: str) -> None:
        """The version that it is about."""
        self._tell(replace(self.record, version=version))

    def end(self, state: str, problem: Problem | None = None) -> None:
        """It is over. A problem that brings no log of its own is given the job's."""
        if problem and not problem.log_tail:
            problem = replace(problem, log_tail=tuple(self.lines)[-TAIL:])
        ended = replace(self.record, finished_at=datetime.now(UTC), error=problem)
        match state:
            case "done":
                self._tell(replace(ended, state="done"))
            case "cancelled":
                self._tell(replace(ended, state="cancelled", stage="cancelled"))
            case _:
                self._tell(replace(ended, state="failed"))

    def _keep(self, text: str) -> None:
        self.lines.append(text)
        # A full disk must not keep the job from saying so.
        with suppress(OSError), self.log.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    def _tell(self, record: EngineJob) -> None:
        self._told = time.monotonic()
        self.record = replace(record, log_tail=tuple(self.lines)[-TAIL:])
        self._changed(self.record)
