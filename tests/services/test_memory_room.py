"""Who has to go for whom: the decision alone, over thousands of made-up situations."""

from __future__ import annotations

import itertools
import random
from functools import partial
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from mlx_manager_jupyter.schema import Memory
from mlx_manager_jupyter.services.models.fit import judge
from mlx_manager_jupyter.services.servers.room import (
    Admit,
    Candidate,
    Decision,
    Evict,
    Refuse,
    Wait,
    decide,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlx_manager_jupyter.schema import FitVerdict, Pressure

TOTAL = 1000
LIMITS = (10.0, 50.0, 85.0, 100.0)


def memory(
    available: int, pressure: Pressure = "normal", gpu: int | None = None, total: int = TOTAL
) -> Memory:
    return Memory(
        total_bytes=total,
        used_bytes=total - available,
        available_bytes=available,
        pressure=pressure,
        gpu_bytes=gpu,
    )


def ask(
    needed: int,
    available: int,
    *servers: Candidate,
    reserved: int = 0,
    pressure: Pressure = "normal",
    gpu: int | None = None,
    given_back: int = 0,
    limit: float = 85,
) -> Decision:
    judged = partial(judge, limit_percent=limit)
    now = memory(available, pressure, gpu)
    return decide(needed, now, servers, reserved, judged, given_back=given_back)


def idle(name: str, held: int, last_used: float = 0.0) -> Candidate:
    return Candidate(name=name, held_bytes=held, last_used=last_used)


# --- by hand --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("needed", "verdict"), [(0, "fits"), (749, "fits"), (750, "tight"), (849, "tight")]
)
def test_what_fits_is_let_in_and_nobody_is_ended(needed: int, verdict: FitVerdict) -> None:
    assert ask(needed, 1000, idle("a", 500)) == Admit(verdict)


def test_from_the_limit_on_it_is_refused() -> None:
    assert ask(850, 1000) == Refuse("memory", 1000, 0)


def test_what_others_will_still_take_is_not_free() -> None:
    assert ask(500, 1000, reserved=349) == Admit("tight")
    assert ask(500, 1000, reserved=350) == Refuse("memory", 1000, 0)


def test_the_least_recently_used_goes_first_and_no_more_than_needed() -> None:
    old, mid, new = idle("old", 300, 1), idle("mid", 300, 2), idle("new", 300, 3)
    assert ask(300, 100, new, old, mid) == Evict(("old",), 300)
    assert ask(500, 100, new, old, mid) == Evict(("old", "mid"), 600)


def test_who_is_made_needless_by_a_larger_one_stays() -> None:
    small, large = idle("small", 10, 1), idle("large", 500, 2)
    assert ask(400, 100, small, large) == Evict(("large",), 500)


def test_nobody_is_ended_in_vain() -> None:
    assert ask(900, 100, idle("a", 300), idle("b", 300)) == Refuse("memory", 100, 600)


@pytest.mark.parametrize(
    "kept",
    [
        Candidate(name="kept", held_bytes=800, pinned=True),
        Candidate(name="kept", held_bytes=800, in_flight=1),
        Candidate(name="kept", held_bytes=800, starting=True),
    ],
    ids=["pinned", "busy", "starting"],
)
def test_who_may_not_go_does_not_go(kept: Candidate) -> None:
    assert isinstance(ask(300, 100, kept), Refuse)
    assert ask(300, 100, kept, idle("other", 400, 9)) == Evict(("other",), 400)


def test_who_is_being_ended_anyway_is_waited_for_before_others_go() -> None:
    leaving = replace(idle("leaving", 0), leaving=True)
    assert ask(300, 100, leaving, idle("a", 800)) == Wait(("leaving",))
    assert ask(80, 100, leaving) == Admit("tight")
    now = memory(100)
    impatient = decide(300, now, [leaving, idle("a", 800)], 0, judge, patient=False)
    assert impatient == Evict(("a",), 800)


def test_under_pressure_what_looks_free_is_not() -> None:
    assert ask(100, 900, pressure="warn") == Refuse("pressure", 0, 0)
    assert ask(100, 900, idle("a", 400), pressure="critical") == Evict(("a",), 400)
    assert ask(100, 900, pressure="warn", given_back=400) == Admit("fits")
    assert ask(500, 900, pressure="warn", given_back=400) == Refuse("pressure", 400, 0)


def test_what_the_gpu_can_t_hold_is_refused_whoever_is_ended() -> None:
    assert ask(700, 1000, idle("a", 900), gpu=600) == Refuse("gpu", 600, 900)
    assert ask(600, 1000, gpu=600) == Admit("fits")


# --- by the thousand ------------------------------------------------------------------------------


def situations(count: int) -> Iterator[tuple[random.Random, list[Candidate]]]:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(count):
        yield (
            chance,
            [
                Candidate(
                    name=f"s{number}",
                    held_bytes=chance.choice((0, 1, chance.randrange(400))),
                    last_used=chance.randrange(5),
                    in_flight=chance.choice((0, 0, 0, 1, 3)),
                    pinned=chance.random() < 0.2,
                    starting=chance.random() < 0.2,
                    leaving=chance.random() < 0.05,
                )
                for number in range(chance.randrange(7))
            ],
        )


def freed(servers: Sequence[Candidate], names: Sequence[str]) -> int:
    return sum(server.held_bytes for server in servers if server.name in names)


def test_whatever_the_situation_the_decision_keeps_its_promises() -> None:
    seen: dict[type, int] = {}
    for chance, servers in situations(20_000):
        needed, available = chance.randrange(1200), chance.randrange(TOTAL)
        reserved = chance.choice((0, 0, chance.randrange(400)))
        given_back = chance.choice((0, chance.randrange(available + 1)))
        pressure: Pressure = chance.choice(("normal", "normal", "warn", "critical"))
        gpu = chance.choice((None, None, chance.randrange(1200)))
        limit = chance.choice(LIMITS)
        judged = partial(judge, limit_percent=limit)
        decision = ask(
            needed,
            available,
            *servers,
            reserved=reserved,
            pressure=pressure,
            gpu=gpu,
            given_back=given_back,
            limit=limit,
        )
        seen[type(decision)] = seen.get(type(decision), 0) + 1
        free = available if pressure == "normal" else min(available, given_back)
        may_go = [
            server
            for server in servers
            if not (server.pinned or server.in_flight or server.starting or server.leaving)
        ]
        sums = [
            sum(server.held_bytes for server in some)
            for size in range(len(may_go) + 1)
            for some in itertools.combinations(may_go, size)
        ]
        possible = any(judged(needed + reserved, free + more) != "no" for more in sums)
        if isinstance(decision, Admit):
            assert judged(needed + reserved, free) == decision.verdict != "no"
            assert gpu is None or needed <= gpu
        elif isinstance(decision, Wait):
            assert all(next(s for s in servers if s.name == n).leaving for n in decision.names)
            assert judged(needed + reserved, free) == "no"
        elif isinstance(decision, Evict):
            assert {*decision.names} <= {server.name for server in may_go}
            enough = freed(servers, decision.names)
            assert enough == decision.held_bytes
            assert judged(needed + reserved, free) == "no", "nobody had to go"
            assert judged(needed + reserved, free + enough) != "no", "it must fit then"
            for spared in decision.names:
                fewer = [name for name in decision.names if name != spared]
                assert judged(needed + reserved, free + freed(servers, fewer)) == "no", spared
            order = [next(s for s in servers if s.name == name) for name in decision.names]
            assert [s.last_used for s in order] == sorted(s.last_used for s in order)
        elif decision.reason == "gpu":
            assert gpu is not None
            assert needed > gpu
        else:
            assert not possible, "there was a way"
            assert (decision.reason == "pressure") == (pressure != "normal")
    print(seen)
    assert min(seen.get(kind, 0) for kind in (Admit, Wait, Evict, Refuse)) > 100


def test_of_servers_of_one_size_those_go_that_were_used_longest_ago() -> None:
    for chance, _ in situations(2_000):
        times = chance.sample(range(100), chance.randrange(1, 7))
        servers = [idle(f"s{time}", 100, time) for time in times]
        decision = ask(chance.randrange(100, 700), 100, *servers)
        if isinstance(decision, Evict):
            oldest = sorted(times)[: len(decision.names)]
            assert decision.names == tuple(f"s{time}" for time in oldest)


def test_starts_that_are_let_in_one_after_the_other_never_pass_the_limit() -> None:
    """Servers load in steps; each new one is weighed against what is free at that moment."""
    for chance, _ in situations(2_000):
        limit = chance.choice(LIMITS)
        judged = partial(judge, limit_percent=limit)
        held: dict[int, int] = {}
        planned: dict[int, int] = {}
        for number in range(chance.randrange(2, 8)):
            for name, whole in planned.items():
                grown = held[name] + chance.randrange(1 + whole - held[name])
                held[name] = chance.choice((held[name], grown, whole))
            free = TOTAL - sum(held.values())
            reserved = sum(planned[name] - held[name] for name in held)
            starting = [
                Candidate(name=str(name), held_bytes=held[name], starting=True) for name in held
            ]
            needed = chance.randrange(1, 600)
            decision = decide(needed, memory(free), starting, reserved, judged)
            if isinstance(decision, Admit):
                planned[number], held[number] = needed, 0
                assert sum(planned.values()) <= TOTAL, "when all have loaded they must fit"
                assert reserved + needed < free * limit / 100
            else:
                assert isinstance(decision, Refuse), "who starts is never ended"
