"""Profiles that come up with Jupyter."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.schema import Profile, ServerChanged
from mlx_manager_jupyter.services.servers.auto_start import in_order
from tests.fixtures.jupyter import started_from
from tests.fixtures.models import break_model, make
from tests.services.extensions import Extension, another_jupyter, extension

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make("chat", tmp_path / "tiny-chat")


async def save(folder: Path, *profiles: dict[str, Any]) -> None:
    async with extension(folder, auto_start=False) as one:
        for profile in profiles:
            await one.profiles.create({"auto_start": True, **profile})


def loads(seconds: float) -> dict[str, str]:
    return {"FAKE_ENGINE": json.dumps({"load_seconds": seconds})}


def loading_at_once(one: Extension) -> int:
    """The most that were coming up at a time, by what viewers were told."""
    coming: set[str] = set()
    most = 0
    for event in one.events:
        if isinstance(event, ServerChanged):
            up = event.server.state in {"starting", "loading"}
            (coming.add if up else coming.discard)(event.server.name)
            most = max(most, len(coming))
    return most


async def test_they_come_up_two_at_a_time_and_a_failure_stops_none(
    tmp_path: Path, model: Path
) -> None:
    broken = break_model("no_weights", tmp_path / "broken")
    await save(
        tmp_path,
        *({"name": name, "model": str(model), "env": loads(0.3)} for name in "dcba"),
        {"name": "0-broken", "model": str(broken)},
        {"name": "0-dies", "model": str(model), "env": {"FAKE_ENGINE": '{"die_at_load": "x"}'}},
        {"name": "not-me", "model": str(model), "auto_start": False},
    )
    async with extension(tmp_path) as one:
        await one.until(
            lambda seen: [n for n, s in sorted(seen.items()) if s.state == "ready"] == list("abcd")
        )
        assert one.seen()["0-dies"].state == "failed"
        assert set(one.seen()) == {"0-broken", "0-dies", *"abcd"}
        broken_one = one.seen()["0-broken"]
        assert broken_one.state == "failed", "nobody waits for an answer: it is shown"
        assert broken_one.error
        assert broken_one.error.code == "no_weights"
        assert (broken_one.pid, broken_one.port) == (None, None)
        assert loading_at_once(one) == 2
        assert (await one.servers.logs("0-broken", 9)).lines == ()
        await one.servers.stop("0-broken")
        assert "0-broken" not in one.seen()


async def test_two_extensions_start_each_once(tmp_path: Path, model: Path) -> None:
    await save(tmp_path, *({"name": name, "model": str(model)} for name in "abc"))
    with another_jupyter() as other:
        async with extension(tmp_path) as one, extension(tmp_path, other) as two:
            for each in (one, two):
                for name in "abc":
                    await each.ready(name)
            assert len(started_from(model)) == 3


async def test_opening_does_not_wait_for_them(tmp_path: Path, model: Path) -> None:
    await save(tmp_path, {"name": "slow", "model": str(model), "env": loads(60)})
    async with asyncio.timeout(10), extension(tmp_path) as one:
        await one.until(lambda seen: "slow" in seen and seen["slow"].state == "loading")
    assert started_from(model) == []


async def test_none_comes_up_where_that_is_not_wanted(tmp_path: Path, model: Path) -> None:
    await save(tmp_path, {"name": "a", "model": str(model)})
    async with extension(tmp_path, auto_start=False) as one:
        await asyncio.sleep(0.5)
        assert one.seen() == {}


def test_pinned_ones_come_first_then_by_name() -> None:
    profiles = [
        Profile(name="b", auto_start=True),
        Profile(name="A", auto_start=True),
        Profile(name="z", auto_start=True, pinned=True),
        Profile(name="no", pinned=True),
    ]
    assert [profile.name for profile in in_order(profiles)] == ["z", "A", "b"]
