"""Turns at one engine, without any HTTP: who goes, who waits, and who is next."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.errors import QueueFull
from mlx_manager_jupyter.services.gateway.turns import Limits, Turn, Turnstile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.schema import Lane


class Door:
    """A turnstile, and what became of everybody who came."""

    def __init__(self, at_once: int, waiting: int = 100) -> None:
        self.limits = Limits(at_once, waiting)
        self.turnstile = Turnstile(self.limits)
        self.turns: list[tuple[str, Turn]] = []

    def come(self, name: str, caller: str = "", lane: Lane = "interactive") -> Turn:
        turn = self.turnstile.enter(caller or name, lane, self.limits)
        self.turns.append((name, turn))
        return turn

    @property
    def inside(self) -> list[str]:
        """In the order in which they came."""
        return [name for name, turn in self.turns if turn.going]

    def order(self) -> Iterator[str]:
        """End one after the other; who goes in each time."""
        while self.turnstile.going:
            (_, gone), *_ = [(name, turn) for name, turn in self.turns if turn.going]
            before = set(self.inside)
            gone.end()
            self.turns = [(name, turn) for name, turn in self.turns if turn is not gone]
            yield from (name for name in self.inside if name not in before)


def test_so_many_go_at_once_and_the_others_are_called_in_their_order() -> None:
    door = Door(2)
    turns = [door.come(name) for name in "abcd"]
    assert [turn.going for turn in turns] == [True, True, False, False]
    assert (door.turnstile.going, door.turnstile.waiting) == (2, 2)
    assert turns[0].called is None, "who goes at once is not called"
    assert turns[2].called
    assert not turns[2].called.is_set()
    turns[0].end()
    assert turns[2].going
    assert turns[2].called.is_set()
    assert not turns[3].going
    assert list(door.order()) == ["d"]
    assert (door.turnstile.going, door.turnstile.waiting) == (0, 0)


def test_interactive_goes_before_batch_that_came_earlier() -> None:
    door = Door(1)
    door.come("first")
    for name in ("b1", "b2"):
        door.come(name, "crowd", "batch")
    for name in ("i1", "i2"):
        door.come(name, "person")
    assert list(door.order()) == ["i1", "i2", "b1", "b2"]


def test_batch_leaves_one_place_for_somebody_interactive() -> None:
    door = Door(3)
    for number in range(5):
        door.come(f"b{number}", "crowd", "batch")
    assert door.inside == ["b0", "b1"]
    assert door.come("i0", "person").going, "though batch waits"
    assert not door.come("i1", "person").going
    assert list(door.order()) == ["i1", "b2", "b3", "b4"]


def test_where_only_one_goes_batch_goes_when_nobody_interactive_waits() -> None:
    door = Door(1)
    assert door.come("b0", "crowd", "batch").going
    assert not door.come("i0", "person").going


def test_callers_take_turns_however_many_each_has_waiting() -> None:
    door = Door(1)
    door.come("first")
    for number in range(4):
        door.come(f"a{number}", "a")
    door.come("b0", "b")
    door.come("c0", "c")
    door.come("b1", "b")
    assert list(door.order()) == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]


def test_who_has_the_fewest_inside_is_next() -> None:
    door = Door(3)
    for number in range(6):
        door.come(f"a{number}", "a")
    door.come("b0", "b")
    door.come("b1", "b")
    # b, which has none inside, goes first; after that both have one inside each time.
    assert list(door.order())[:3] == ["b0", "a3", "b1"]


def test_what_a_caller_has_in_the_other_lane_is_not_held_against_it() -> None:
    door = Door(2)
    door.come("a-batch", "a", "batch")
    other = door.come("x")
    for caller in "ab":
        door.come(f"{caller}0", caller)
    other.end()
    assert door.inside == ["a-batch", "x", "a0"]


def test_beyond_the_queue_it_is_said_when_to_come_again() -> None:
    door = Door(1, waiting=2)
    for name in "abc":
        door.come(name, "crowd", "batch")
    with pytest.raises(QueueFull, match="2 requests wait for this model already") as refused:
        door.come("d", "crowd", "batch")
    assert refused.value.status == 503
    # Three waves of what a request is guessed to last.
    assert refused.value.retry_after == 15.0
    assert not door.come("i", "person").going, "a full lane keeps nobody out of the other"
    assert list(door.order()) == ["i", "b", "c"]


def test_when_to_come_again_follows_what_requests_last() -> None:
    door = Door(1, waiting=0)
    for _ in range(3):
        door.come("quick").end()
    door.come("slow")
    with pytest.raises(QueueFull) as refused:
        door.come("next")
    assert refused.value.retry_after == 1.0, "no sooner than that, however quick they are"


def test_who_leaves_the_queue_is_forgotten_at_once() -> None:
    door = Door(1, waiting=2)
    first, second, third = (door.come(name, "a") for name in "abc")
    second.end()
    second.end()
    assert door.turnstile.waiting == 1
    door.come("d", "a")
    first.end()
    first.end()
    assert third.going
    assert not second.going
    assert door.turnstile.going == 1


def test_who_is_called_and_leaves_makes_room_for_the_next() -> None:
    door = Door(1)
    first, second, third = (door.come(name) for name in "abc")
    first.end()
    assert second.going
    second.end()
    assert third.going


def test_more_room_is_used_as_soon_as_somebody_comes_and_less_is_waited_for() -> None:
    door = Door(1)
    door.come("a")
    door.come("b")
    door.limits = Limits(3, 100)
    door.come("c")
    assert door.inside == ["a", "b", "c"]
    door.limits = Limits(1, 100)
    door.come("d")
    assert door.inside == ["a", "b", "c"]
    order = door.order()
    assert next(order) == "d"
    assert door.inside == ["d"]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_the_counts_are_right_and_nobody_waits_for_nothing(seed: int) -> None:
    chance = random.Random(seed)
    door = Door(4, waiting=10_000)
    lanes: tuple[Lane, Lane] = ("interactive", "batch")
    turns: list[Turn] = []
    for number in range(2000):
        if turns and chance.random() < 0.5:
            turns.pop(chance.randrange(len(turns))).end()
        else:
            turns.append(door.come(str(number), chance.choice("abc"), chance.choice(lanes)))
        going = [turn for turn in turns if turn.going]
        waiting = [turn for turn in turns if not turn.going]
        assert door.turnstile.going == len(going) <= 4
        assert door.turnstile.waiting == len(waiting)
        assert sum(turn.lane == "batch" for turn in going) <= 3
        assert len(going) == 4 or not any(turn.lane == "interactive" for turn in waiting)
    for turn in turns:
        turn.end()
    assert (door.turnstile.going, door.turnstile.waiting) == (0, 0)
