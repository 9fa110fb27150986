"""``state.json``: what the worker says of itself, four times a second and at every change."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.adapters.hub.worker.folder import (
    LIMIT,
    STATE,
    JobState,
    Stage,
    load,
    replace,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlx_manager_jupyter.adapters.hub.worker.part import Part
    from mlx_manager_jupyter.adapters.hub.worker.throttle import Throttle

PERIOD_SECONDS = 0.25


class Report:
    """The state of one worker; every method may be called from any thread."""

    def __init__(self, folder: Path, throttle: Throttle) -> None:
        self._folder = folder
        self._throttle = throttle
        self._lock = threading.Lock()
        before = load(folder / STATE, JobState)
        self._unfinished = before.commit if before and before.stage != "done" else None
        # What an earlier run had is still there, so nobody shall see the figures fall to zero.
        self._state = (
            msgspec.structs.replace(
                before, stage="planning", error=None, retry=False, retry_after_seconds=None
            )
            if before
            else JobState(stage="planning")
        )
        self._written: JobState | None = None
        self._settled_bytes = self._settled_files = 0
        self._parts: Sequence[Part] | None = None
        self._elsewhere: Callable[[], int] = int

    def start(self) -> None:
        """Write now, and from now on whenever something changed; heed the limit."""
        self._heed_limit()
        self.write()
        threading.Thread(target=self._run, name="report", daemon=True).start()

    @property
    def commit(self) -> str | None:
        """That an earlier run planned with and did not bring to its end."""
        return self._unfinished

    def planned(self, commit: str, *, files: int, size: int) -> None:
        """What is to be done is known, and from now on what is done is counted."""
        with self._lock:
            self._parts = ()
        self._change(commit=commit, files_total=files, bytes_total=size)

    def fetching(self, parts: Sequence[Part]) -> None:
        """These gather bytes now."""
        with self._lock:
            self._parts = tuple(parts)

    def watch(self, count: Callable[[], int]) -> None:
        """How to learn how many bytes huggingface_hub has of a file that is not finished."""
        with self._lock:
            self._elsewhere = count

    def settled(self, size: int, part: Part | None = None) -> None:
        """One file is done; ``part``: it was one of those that gather bytes."""
        with self._lock:
            self._parts = tuple(each for each in self._parts or () if each is not part)
            self._elsewhere = int
            self._settled_bytes += size
            self._settled_files += 1

    def stage(self, stage: Stage) -> None:
        """Enter a stage; the same one again costs nothing."""
        if stage != self._state.stage:
            self._change(stage=stage)

    def end(self, **last: Any) -> None:
        """The last word."""
        self._change(**last)

    def write(self) -> None:
        """Write the state down if it is not what was written last."""
        with self._lock:
            self._state = self._counted(self._state)
            if self._state != self._written:
                # On a full disk the last state stays; the end of the process says the rest.
                with suppress(OSError):
                    replace(self._folder / STATE, msgspec.json.encode(self._state))
                    self._written = self._state

    def _change(self, **fields: Any) -> None:
        with self._lock:
            self._state = msgspec.structs.replace(self._state, **fields)
        self.write()

    def _counted(self, state: JobState) -> JobState:
        if self._parts is None:
            return state
        gathering = sum(part.done for part in self._parts)
        return msgspec.structs.replace(
            state,
            bytes_done=self._settled_bytes + gathering + self._elsewhere(),
            files_done=self._settled_files,
        )

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(PERIOD_SECONDS):
            self._heed_limit()
            self.write()

    def _heed_limit(self) -> None:
        try:
            told = int((self._folder / LIMIT).read_text("ascii"))
        except (OSError, ValueError):
            told = 0
        self._throttle.set(told if told > 0 else None)
