"""When a server that failed is started again: pure, by the clock alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mlx_manager_jupyter.errors import (
    CorruptWeights,
    EngineCrashed,
    InvalidValue,
    MLXManagerError,
    NotEnoughMemory,
    OutOfMemory,
    StartFailed,
    UnsupportedModel,
)
from mlx_manager_jupyter.schema import Identity, Profile, StoredServer
from mlx_manager_jupyter.services.servers.policy import RestartPolicy
from mlx_manager_jupyter.services.servers.pulse import PATIENCE, REFUSED, Pulse
from mlx_manager_jupyter.services.servers.use import TOLD_EVERY, Use

CRASH = EngineCrashed("It crashed.", "See the log.").problem
READY = datetime(2026, 1, 1, tzinfo=UTC)


def run(**facts: Any) -> StoredServer:
    profile = facts.pop("profile", Profile(name="a", model="m"))
    return StoredServer(
        name="a",
        run="r",
        profile=profile,
        profile_name=None,
        engine="mlx-lm",
        argv=(),
        host="127.0.0.1",
        port=1,
        log="",
        keep=False,
        wanted=True,
        owner=Identity(pid=1, create_time=1.0, argv=()),
        **facts,
    )


def waits(policy: RestartPolicy, failures: int) -> list[float | None]:
    """The seconds that each of so many failures in a row waits."""
    stored, found = run(), []
    for _ in range(failures):
        failed = policy.after_failure(stored, CRASH)
        due = failed.retry_at
        found.append(round((due - datetime.now(UTC)).total_seconds(), 1) if due else None)
        stored = replace(failed, restarts=failed.restarts + 1, retry_at=None)
    return found


def test_each_failure_waits_twice_as_long_up_to_a_limit() -> None:
    policy = RestartPolicy(limit=99, chance=lambda: 0.5)
    assert waits(policy, 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_those_that_failed_together_are_drawn_apart() -> None:
    early, late = (waits(RestartPolicy(chance=lambda at=at: at), 1) for at in (0.0, 1.0))  # type: ignore[misc]
    assert (early, late) == ([0.8], [1.2])


def test_too_many_failures_within_the_window_end_the_tries() -> None:
    policy = RestartPolicy(limit=5, chance=lambda: 0.5)
    assert waits(policy, 5) == [1, 2, 4, 8, None]
    stored = run(failures=(datetime.now(UTC),) * 4)
    error = policy.after_failure(stored, CRASH).error
    assert error
    assert error.message.startswith("It crashed. That was failure 5 within 10 minutes")
    assert error.hint == "See what its log says, mend that, and restart 'a'."
    old = (datetime.now(UTC) - timedelta(seconds=601),) * 4
    assert len(policy.after_failure(run(failures=old), CRASH).failures) == 1


@pytest.mark.parametrize(
    ("error", "was_ready", "again"),
    [
        (EngineCrashed, False, True),
        (EngineCrashed, True, True),
        (OutOfMemory, True, True),
        (OutOfMemory, False, False),
        (StartFailed, True, True),
        (StartFailed, False, False),
        (CorruptWeights, True, False),
        (UnsupportedModel, False, False),
        (InvalidValue, False, False),
        (NotEnoughMemory, True, False),
    ],
)
def test_only_what_may_go_better_is_tried_again(
    *, error: type[MLXManagerError], was_ready: bool, again: bool
) -> None:
    stored = run(ready_at=READY if was_ready else None)
    failed = RestartPolicy().after_failure(stored, error("no").problem)
    assert (failed.retry_at is not None) is again
    assert failed.error == error("no").problem


def test_a_profile_may_say_never() -> None:
    never = run(profile=Profile(name="a", model="m", restart="never"))
    assert RestartPolicy().after_failure(never, CRASH).retry_at is None


def test_a_pulse_tells_busy_from_silent() -> None:
    pulse = Pulse()
    assert pulse.beat(200, "/health", in_use=False)
    assert not pulse.beat(200, "/health", in_use=True)
    assert pulse.health == "ok"
    for _ in range(9):
        pulse.beat(None, "/health", in_use=True)
    assert (pulse.health, pulse.missed) == ("busy", 0)
    pulse.beat(None, "/health", in_use=False)
    assert (pulse.health, pulse.missed) == ("silent", 1)
    # Whoever waits for a reply will wait for ever when the worker is dead.
    pulse.beat(503, "/health", in_use=True)
    pulse.beat(REFUSED, "/health", in_use=True)
    assert pulse.missed == PATIENCE
    assert "refuses" in pulse.complaint
    pulse.beat(200, "/health", in_use=False)
    assert pulse.missed == 0


def test_use_is_told_to_others_now_and_then_and_heard_from_them() -> None:
    use, ready = Use(), datetime.now(UTC)
    assert use.news() is None
    assert use.idle_since(ready) == ready
    use.begin()
    assert use.going_on
    first = use.news()
    assert first
    assert use.news() is None, "not for every token"
    use.end()
    assert use.in_flight == 0
    assert use.last_at
    assert use.idle_since(ready) == use.last_at
    elsewhere = use.last_at + timedelta(seconds=TOLD_EVERY)
    use.heard(elsewhere)
    use.heard(ready)
    assert use.last_at == elsewhere
    assert use.elsewhere
    assert use.going_on
    assert use.news() is None, "who told it knows"
