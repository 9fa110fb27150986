"""Whose turn it is at one engine: interactive before batch, fair between callers.

Nothing waits in this file: a turn is taken at once, or later when others end. Either way whoever
asked for it ends it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from msgspec import Struct

from mlx_manager_jupyter.errors import QueueFull

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import Lane

#: Seconds that a request is taken to last before any was measured.
GUESS = 5.0
#: What the latest request weighs in the mean of how long they last.
WEIGHT = 0.2
#: Seconds after which to try again, at least and at most.
SOONEST, LATEST = 1.0, 60.0


class Limits(Struct, frozen=True):
    """What one engine can take."""

    at_once: int
    """Requests that it works on."""
    waiting: int
    """Requests that may wait, in each lane."""

    @property
    def batch_at_once(self) -> int:
        """One place is kept free of batch, so that nobody interactive waits for the end of one."""
        return max(1, self.at_once - 1)


class Turn:
    """One request's turn. `end` it in any case: it leaves the queue, or makes room for the next."""

    __slots__ = ("_began", "_turnstile", "called", "caller", "going", "lane")

    def __init__(self, turnstile: Turnstile, caller: str, lane: Lane) -> None:
        self.caller = caller
        self.lane: Lane = lane
        self.going = False
        """Whether it has come."""
        self.called: asyncio.Event | None = None
        """Is set when it comes, unless it came at once."""
        self._began = 0.0
        self._turnstile: Turnstile | None = turnstile

    def begin(self) -> None:
        """It has come."""
        self.going, self._began = True, monotonic()
        if self.called:
            self.called.set()

    def end(self) -> None:
        """It is over, or not wanted any more. Later calls change nothing."""
        turnstile, self._turnstile = self._turnstile, None
        if turnstile is None:
            return
        if self.going:
            turnstile.ended(self, monotonic() - self._began)
        else:
            turnstile.left(self)


class Turnstile:
    """Lets so many requests at a time into one engine."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._going = 0
        self._going_of: dict[tuple[Lane, str], int] = {}
        self._batch = 0
        # By caller, in the order of who was let in longest ago.
        self._queues: dict[Lane, dict[str, deque[Turn]]] = {"interactive": {}, "batch": {}}
        self._waiting: dict[Lane, int] = {"interactive": 0, "batch": 0}
        self._mean: float | None = None

    @property
    def going(self) -> int:
        """Requests that the engine works on."""
        return self._going

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return sum(self._waiting.values())

    def ahead(self, lane: Lane) -> int:
        """Requests that wait in this lane, and in those that go before it."""
        return self.waiting if lane == "batch" else self._waiting["interactive"]

    def enter(self, caller: str, lane: Lane, limits: Limits) -> Turn:
        """Take a turn: it is `Turn.going` already, or its `Turn.called` tells when.

        Args:
            caller: between whom it is fair.
            lane: the interactive one goes first.
            limits: of the engine, as its profile says now.

        Raises:
            QueueFull: when as many wait as may.
        """
        if limits != self._limits:
            self._limits = limits
            self._let_in()
        turn = Turn(self, caller, lane)
        if self._may_go(lane):  # then nobody of this lane, or of a better one, waits
            self._go(turn)
            return turn
        if self._waiting[lane] >= limits.waiting:
            message = f"{self._waiting[lane]} requests wait for this model already."
            raise self.full(message, lane)
        turn.called = asyncio.Event()
        self._waiting[lane] += 1
        self._queues[lane].setdefault(caller, deque()).append(turn)
        return turn

    def full(self, message: str, lane: Lane) -> QueueFull:
        """Why somebody can't wait, or no longer, and when to try again."""
        error = QueueFull(message, "Try again later, or ask fewer at a time.")
        error.retry_after = self.wait_seconds(lane)
        return error

    def wait_seconds(self, lane: Lane) -> float:
        """When those that wait now will have been let in, by how long requests last."""
        last = GUESS if self._mean is None else self._mean
        waves = (self.ahead(lane) + 1) / self._limits.at_once
        return min(max(SOONEST, waves * last), LATEST)

    # --- for turns ------------------------------------------------------------------------------

    def ended(self, turn: Turn, seconds: float) -> None:
        """A request is over."""
        of = turn.lane, turn.caller
        self._going -= 1
        self._batch -= turn.lane == "batch"
        self._going_of[of] -= 1
        if not self._going_of[of]:
            del self._going_of[of]
        self._mean = seconds if self._mean is None else self._mean + WEIGHT * (seconds - self._mean)
        self._let_in()

    def left(self, turn: Turn) -> None:
        """Somebody waits no more."""
        queue = self._queues[turn.lane]
        turns = queue[turn.caller]
        turns.remove(turn)
        if not turns:
            del queue[turn.caller]
        self._waiting[turn.lane] -= 1

    # --- who is next ----------------------------------------------------------------------------

    def _may_go(self, lane: Lane) -> bool:
        if self._going >= self._limits.at_once:
            return False
        return lane == "interactive" or self._batch < self._limits.batch_at_once

    def _let_in(self) -> None:
        for lane in self._queues:  # the interactive one first
            while self._waiting[lane] and self._may_go(lane):
                self._go(self._next(lane))

    def _next(self, lane: Lane) -> Turn:
        queue = self._queues[lane]
        # The caller for whom the engine works on the fewest; of those, who was let in longest ago.
        caller = min(queue, key=lambda each: self._going_of.get((lane, each), 0))
        turns = queue.pop(caller)
        turn = turns.popleft()
        if turns:
            queue[caller] = turns
        self._waiting[lane] -= 1
        return turn

    def _go(self, turn: Turn) -> None:
        of = turn.lane, turn.caller
        self._going += 1
        self._batch += turn.lane == "batch"
        self._going_of[of] = self._going_of.get(of, 0) + 1
        turn.begin()
