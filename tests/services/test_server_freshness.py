"""Editing the profile of a server that runs: what holds at once, and what a restart applies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.schema import Profile
from tests.fixtures.models import make
from tests.services.extensions import Extension, another_jupyter, extension

if TYPE_CHECKING:
    from pathlib import Path

    from mlx_manager_jupyter.schema import Server


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make("chat", tmp_path / "tiny-chat")


async def edit(one: Extension, profile: str, **changes: Any) -> None:
    """Save it, and tell the servers, as the extension does."""
    old = await one.profiles.get(profile)
    new = one.profiles.override(old, changes)
    await asyncio.to_thread(one.store.put, new)
    if new.name != old.name:
        await asyncio.to_thread(one.store.delete, Profile, old.name)
    await one.servers.profile_changed(old, new)


def flag(server: Server, name: str) -> str | None:
    argv = psutil.Process(server.pid).cmdline()
    return argv[argv.index(name) + 1] if name in argv else None


async def test_a_restart_runs_the_newest_profile_with_what_the_start_had_set(
    tmp_path: Path, model: Path
) -> None:
    async with extension(tmp_path) as one:
        await one.profiles.create({"name": "calm", "model": str(model), "temperature": 0.5})
        await one.ask(profile="calm", set={"top_p": 0.9})
        first = await one.ready("calm")
        assert not first.restart_to_apply
        await edit(one, "calm", temperature=0.7, top_p=0.1)
        assert one.seen()["calm"].restart_to_apply
        await edit(one, "calm", temperature=0.5)
        assert not one.seen()["calm"].restart_to_apply, "the start had set top_p itself"
        await edit(one, "calm", temperature=0.7)
        await one.servers.restart("calm")
        second = (
            await one.until(
                lambda seen: seen["calm"].state == "ready" and seen["calm"].pid != first.pid
            )
        )["calm"]
        assert flag(second, "--temp") == "0.7"
        assert flag(second, "--top-p") == "0.9"
        assert not second.restart_to_apply


async def test_what_no_engine_hears_of_holds_at_once(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path) as one:
        await one.profiles.create({"name": "calm", "model": str(model)})
        await one.ask(profile="calm")
        await one.ready("calm")
        await edit(one, "calm", pinned=True, aliases=("quiet",), idle_unload_seconds=900.0)
        seen = one.seen()["calm"]
        assert not seen.restart_to_apply
        assert seen.pinned
        assert seen.aliases == ("quiet",)
        assert seen.idle_unload_seconds == 900
        # A second start with the saved settings joins it.
        assert not (await one.servers.start(_start("calm")))[1]


async def test_an_edit_through_another_extension_is_seen(tmp_path: Path, model: Path) -> None:
    with another_jupyter() as other:
        async with extension(tmp_path) as one, extension(tmp_path, other) as two:
            await one.profiles.create({"name": "calm", "model": str(model)})
            await one.ask(profile="calm")
            await one.ready("calm")
            await edit(two, "calm", temperature=0.1)
            await one.until(lambda seen: seen["calm"].restart_to_apply)


async def test_a_renamed_profile_keeps_its_server_and_a_deleted_one_too(
    tmp_path: Path, model: Path
) -> None:
    async with extension(tmp_path) as one:
        await one.profiles.create({"name": "calm", "model": str(model)})
        await one.ask(profile="calm", name="mine")
        await one.ready("mine")
        await edit(one, "calm", name="calmer")
        assert one.seen()["mine"].profile == "calmer"
        assert not one.seen()["mine"].restart_to_apply
        old = await one.profiles.get("calmer")
        await one.profiles.delete("calmer")
        await one.servers.profile_changed(old, None)
        assert not one.seen()["mine"].restart_to_apply
        await one.servers.restart("mine")
        await one.ready("mine")


async def test_a_profile_that_went_wrong_ends_no_server(tmp_path: Path, model: Path) -> None:
    async with extension(tmp_path) as one:
        await one.profiles.create({"name": "calm", "model": str(model)})
        await one.ask(profile="calm", set={"kv_bits": 8})
        await one.ready("calm")
        await edit(one, "calm", model="", engine="remote", base_url="http://127.0.0.1:9/v1")
        assert one.seen()["calm"].restart_to_apply
        with pytest.raises(MLXManagerError):
            await one.servers.restart("calm")


def _start(profile: str) -> Any:
    from mlx_manager_jupyter.schema import StartServer  # noqa: PLC0415

    return StartServer(profile=profile)
