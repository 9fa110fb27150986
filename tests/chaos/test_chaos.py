"""Two hundred things at once: afterwards exactly those processes live that the records name.

A seed chooses what happens to whom, and in which order it begins; how it interleaves is left to
the machine. The seed is printed; ``CHAOS_SEED=… pytest tests/chaos`` runs the same again.
"""

from __future__ import annotations

import os
import queue
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.user import PROFILES, User, in_parallel, run_of, until
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import psutil

OPERATIONS = 220
WORKERS = 6
JUPYTER_KILLS = 3
#: Seconds in which everything that was begun has to come to rest.
REST = 30.0

#: How often each thing happens, relative to the others.
WEIGHTS = {
    "start": 30,
    "start twice": 12,
    "stop": 14,
    "restart": 12,
    "edit": 8,
    "kill engine": 14,
    "kill child": 6,
    "start and stop": 6,
}


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    user = User(tmp_path / "user", make("chat", tmp_path / "tiny-chat"))
    try:
        user.open()
        yield user
    finally:
        user.close()


class Chaos:
    """What is to happen, all of it chosen by one seed."""

    def __init__(self, user: User, seed: int) -> None:
        self.user = user
        self.done: dict[str, int] = {}
        self._counting = threading.Lock()
        chance = random.Random(seed)
        kinds = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=OPERATIONS - JUPYTER_KILLS)
        steps = [(kind, *self._whom(chance)) for kind in kinds]
        for number in range(JUPYTER_KILLS):  # spread, and in turn: the other one takes over
            at = (number + 1) * OPERATIONS // (JUPYTER_KILLS + 1)
            steps.insert(at, ("kill jupyter", *self._whom(chance)[:1], number % 2, at))
        self._steps: queue.SimpleQueue[tuple[str, str, int, int]] = queue.SimpleQueue()
        for step in steps:
            self._steps.put(step)

    def run(self) -> None:
        """Several hands do it at once."""
        in_parallel(*[self._work] * WORKERS)

    @staticmethod
    def _whom(chance: random.Random) -> tuple[str, int, int]:
        return chance.choice(list(PROFILES)), chance.randrange(2), chance.randrange(1_000_000)

    def _work(self) -> None:
        while True:
            try:
                kind, name, which, number = self._steps.get_nowait()
            except queue.Empty:
                return
            self._do(kind, name, which, number)
            with self._counting:
                self.done[kind] = self.done.get(kind, 0) + 1

    def _do(self, kind: str, name: str, which: int, number: int) -> None:
        user, other = self.user, 1 - which
        start = {"profile": name}
        deeds: dict[str, Callable[[], Any]] = {
            "start": lambda: user.ask(which, "servers", "POST", start),
            "start twice": lambda: in_parallel(
                lambda: user.ask(which, "servers", "POST", start),
                lambda: user.ask(other, "servers", "POST", start),
            ),
            "stop": lambda: user.ask(which, f"servers/{name}", "DELETE"),
            "restart": lambda: user.ask(which, f"servers/{name}/restart", "POST"),
            "edit": lambda: user.ask(
                which, f"profiles/{name}", "PATCH", {"max_tokens": number % 999 + 1}
            ),
            "kill engine": lambda: user.kill_engine(name),
            "kill child": lambda: user.kill_child(random.Random(number)),
            "start and stop": lambda: in_parallel(
                lambda: user.ask(which, "servers", "POST", start),
                lambda: user.ask(other, f"servers/{name}", "DELETE"),
            ),
            "kill jupyter": lambda: user.kill(which),
        }
        deeds[kind]()


def told(user: User) -> list[dict[str, dict[str, Any]]]:
    """What each of the two says of the servers."""
    return [{each["name"]: each for each in user.ask(which, "servers") or ()} for which in (0, 1)]


def at_rest(user: User) -> bool:
    """Nothing is under way, what ends by itself has ended, and both say the same."""
    one, two = told(user)
    if {name: (each["state"], each["pid"]) for name, each in one.items()} != {
        name: (each["state"], each["pid"]) for name, each in two.items()
    }:
        return False
    settled = all(
        (each["state"] == "ready" and not each.get("idle_unload_seconds"))
        or (each["state"] == "failed" and not each.get("retry_at"))
        for each in one.values()
    )
    return settled and {stored["name"] for stored in user.stored()} == set(one)


def what_is_seen(user: User) -> str:
    logs = "\n".join(jupyter.log.read_text("utf-8")[-4000:] for jupyter in user.jupyters)
    return f"{told(user)}\n{user.stored()}\n{logs}"


def check(user: User) -> None:
    """The records, the store, the processes and the ports tell one story."""
    records = told(user)[0]
    runs = {stored["name"]: stored["run"] for stored in user.stored()}
    ready = {name: record for name, record in records.items() if record["state"] == "ready"}
    living: dict[str | None, list[psutil.Process]] = {}
    for process in user.engines():
        living.setdefault(run_of(process, user.folder), []).append(process)
    living.pop(None, None)  # ended since
    assert set(living) == {runs[name] for name in ready}, "these processes, and no others"
    for name, record in ready.items():
        assert record["pid"] in {process.pid for process in living[runs[name]]}
    assert user.held_ports() == {record["port"] for record in ready.values()}
    assert user.zombies() == []
    kept = {path.name for path in (user.folder / "mlx").iterdir()}
    assert not [name for name in kept if "damaged" in name], "the store was never broken"


@pytest.mark.timeout(300)  # it takes 40 s; a machine with other work to do needs patience
def test_after_any_chaos_exactly_those_live_that_the_records_name(user: User) -> None:
    seed = int(os.environ.get("CHAOS_SEED", "20261128"))
    print(f"CHAOS_SEED={seed}")
    began = time.monotonic()
    chaos = Chaos(user, seed)
    chaos.run()
    took = time.monotonic() - began
    assert sum(chaos.done.values()) == OPERATIONS
    assert user.surprises == []
    until(lambda: at_rest(user), REST, lambda: what_is_seen(user))
    check(user)
    rest = time.monotonic() - began - took
    print(f"{chaos.done} in {took:.1f} s, at rest {rest:.1f} s later")
    print(f"answers: {dict(user.answers)}; alive: {sorted(told(user)[0])}")
    # The first to leave takes nothing with it, the last takes all.
    before = {process.pid for process in user.engines()}
    user.jupyters[0].stop()
    assert {process.pid for process in user.engines()} == before
    user.jupyters[1].stop()
    assert user.engines() == []
    assert user.held_ports() == set()
    assert user.stored() == []
