from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.errors import InvalidValue, NameTaken, UnknownField, UnknownProfile
from mlx_manager_jupyter.schema import Event, Profile, ProfileChanged, ProfileRemoved, Server
from mlx_manager_jupyter.services.profiles import ProfileManager

if TYPE_CHECKING:
    from pathlib import Path

CODER = {"name": "coder", "model": "org/coder-4bit", "temperature": 0.2, "aliases": ["c"]}


@pytest.fixture
def published() -> list[Event]:
    return []


@pytest.fixture
def profiles(tmp_path: Path, published: list[Event]) -> ProfileManager:
    return ProfileManager(Store(tmp_path / "state.json"), published.append)


async def test_a_profile_is_created_read_listed_and_deleted(
    profiles: ProfileManager, published: list[Event]
) -> None:
    made = await profiles.create(CODER)
    await profiles.create({"name": "Alpha", "model": "org/a"})
    assert await profiles.get("coder") == made
    assert [profile.name for profile in await profiles.list()] == ["Alpha", "coder"]
    assert [profile.name for profile in profiles.records] == ["Alpha", "coder"]
    await profiles.delete("coder")
    assert [type(event) for event in published] == [ProfileChanged, ProfileChanged, ProfileRemoved]
    with pytest.raises(UnknownProfile):
        await profiles.get("coder")


async def test_an_unknown_profile_names_the_nearest(profiles: ProfileManager) -> None:
    await profiles.create(CODER)
    for look in (profiles.get, profiles.delete):
        with pytest.raises(UnknownProfile, match="Did you mean coder"):
            await look("codr")


async def test_a_taken_name_changes_nothing(profiles: ProfileManager) -> None:
    made = await profiles.create(CODER)
    with pytest.raises(NameTaken):
        await profiles.create({**CODER, "temperature": 1.0})
    assert await profiles.get("coder") == made


async def test_an_unknown_field_names_the_nearest(profiles: ProfileManager) -> None:
    with pytest.raises(UnknownField, match="Did you mean temperature"):
        await profiles.create({**CODER, "temprature": 1})
    assert await profiles.list() == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "../etc"),
        ("name", ""),
        ("name", "line\n"),
        ("model", ""),
        ("port", 0),
        ("port", 65536),
        ("port", "10240"),
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("top_p", 1.01),
        ("top_k", -1),
        ("min_p", "low"),
        ("max_tokens", 0),
        ("max_tokens", 1.5),
        ("repetition_penalty", 0),
        ("seed", -1),
        ("kv_bits", 5),
        ("log_level", "LOUD"),
        ("engine", "ollama"),
        ("aliases", "c"),
        ("aliases", ["a b"]),
        ("env", {"A": 1}),
        ("trust_remote_code", "yes"),
        ("host", "0.0.0.0"),
    ],
)
async def test_a_bad_value_names_its_field(
    profiles: ProfileManager, field: str, value: Any
) -> None:
    with pytest.raises(InvalidValue, match=field):
        await profiles.create({**CODER, field: value})
    assert await profiles.list() == ()


def test_overrides_are_validated_too() -> None:
    coder = ProfileManager.make(CODER)
    assert ProfileManager.override(coder, {"top_p": 0.5}).top_p == 0.5
    assert coder.top_p is None
    with pytest.raises(InvalidValue, match="top_p"):
        ProfileManager.override(coder, {"top_p": 5})
    with pytest.raises(UnknownField):
        ProfileManager.override(coder, {"topp": 0.5})


@pytest.mark.parametrize("word", ["--host", "--host=0.0.0.0", "--ho", "--port", "--model"])
def test_extra_arguments_cannot_undo_what_is_checked(word: str) -> None:
    with pytest.raises(InvalidValue, match="extra_args"):
        ProfileManager.make({**CODER, "extra_args": [word, "0.0.0.0"]})
    ProfileManager.make({**CODER, "extra_args": ["--max-tokens", "-1", "--"]})


async def test_an_edit_changes_what_it_names_and_null_resets(profiles: ProfileManager) -> None:
    await profiles.create({**CODER, "description": "mine", "top_k": 5})
    changed = await profiles.edit("coder", {"temperature": None, "description": None, "top_p": 0.5})
    assert changed == await profiles.get("coder")
    told = (changed.temperature, changed.description, changed.top_p, changed.top_k)
    assert told == (None, "", 0.5, 5)
    with pytest.raises(UnknownField, match="top_p"):
        await profiles.edit("coder", {"topp": 1})
    with pytest.raises(InvalidValue, match="model"):
        await profiles.edit("coder", {"model": None})
    assert await profiles.get("coder") == changed
    with pytest.raises(UnknownProfile, match="Did you mean coder"):
        await profiles.edit("codr", {"top_p": 1})


async def test_a_rename_keeps_the_rest_and_takes_nobodys_name(
    profiles: ProfileManager, published: list[Event]
) -> None:
    await profiles.create(CODER)
    await profiles.create({"name": "other", "model": "org/o", "aliases": ["o"]})
    renamed = await profiles.edit("coder", {"name": "writer"})
    assert (renamed.name, renamed.temperature) == ("writer", 0.2)
    assert [profile.name for profile in await profiles.list()] == ["other", "writer"]
    assert isinstance(published[-2], ProfileChanged)
    assert isinstance(published[-1], ProfileRemoved)
    for taken in ("other", "o"):
        with pytest.raises(NameTaken, match="other"):
            await profiles.edit("writer", {"name": taken})
    assert await profiles.get("writer") == renamed
    assert (await profiles.edit("writer", {"name": "writer"})) == renamed


@pytest.mark.parametrize(
    "values",
    [
        {"name": "c", "model": "m"},  # an alias of coder
        {"name": "x", "model": "m", "aliases": ["coder"]},
        {"name": "x", "model": "m", "aliases": ["y", "c"]},
    ],
)
async def test_no_two_profiles_share_a_name(
    profiles: ProfileManager, values: dict[str, Any]
) -> None:
    await profiles.create(CODER)
    with pytest.raises(NameTaken, match=r"coder|another"):
        await profiles.create(values)
    await profiles.edit("coder", {"aliases": ["c", "d"]})  # its own are its own


async def test_a_copy_leaves_out_what_only_one_can_have(profiles: ProfileManager) -> None:
    await profiles.create({**CODER, "port": 10300, "auto_start": True, "pinned": True})
    copied = await profiles.copy("coder", "second")
    assert copied == Profile(name="second", model="org/coder-4bit", temperature=0.2, pinned=True)
    for to, error in (("coder", NameTaken), ("a b", InvalidValue)):
        with pytest.raises(error):
            await profiles.copy("coder", to)


async def test_who_hears_of_a_change_hears_what_it_was(tmp_path: Path) -> None:
    heard: list[tuple[str | None, str | None]] = []

    async def changed(old: Profile | None, new: Profile | None) -> None:
        heard.append((old.name if old else None, new.name if new else None))

    ready = {"engine": "mlx-lm", "state": "ready", "model": "m", "profile": "b"}
    servers = [Server(name="s", **ready), Server(name="t", **{**ready, "state": "stopped"})]  # type: ignore[arg-type]
    profiles = ProfileManager(
        Store(tmp_path / "s.json"), lambda _: None, changed=changed, servers=lambda: servers
    )
    await profiles.create({"name": "a", "model": "m"})
    await profiles.edit("a", {"name": "b"})
    assert (await profiles.delete("b")).servers == ("s",)  # it goes on
    assert heard == [(None, "a"), ("a", "b"), ("b", None)]


async def test_two_who_edit_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    one, two = (ProfileManager(Store(path), lambda _: None) for _ in range(2))
    await one.create(CODER)
    fields = ("top_k", "max_tokens", "num_draft_tokens", "prompt_cache_size", "queue_size", "seed")
    edits = [
        manager.edit("coder", {field: 7})
        for manager, field in zip((one, two) * 3, fields, strict=True)
    ]
    await asyncio.gather(*edits)
    saved = await two.get("coder")
    assert {getattr(saved, field) for field in fields} == {7}
    made = await asyncio.gather(
        *(each.create({"name": "new", "model": "m"}) for each in (one, two)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in made) == ["NameTaken", "Profile"]


async def test_what_another_jupyter_server_saves_is_told_within_a_moment(
    tmp_path: Path, published: list[Event]
) -> None:
    path = tmp_path / "state.json"
    here = ProfileManager(Store(path), published.append, sync_interval=0.1)
    there = ProfileManager(Store(path), lambda _: None)
    await there.create(CODER)
    await here.open()
    try:
        async with asyncio.timeout(10):
            while not here.records:
                await asyncio.sleep(0.01)
            await there.edit("coder", {"top_k": 3})
            while here.records[0].top_k != 3:
                await asyncio.sleep(0.01)
            await there.delete("coder")
            while here.records:
                await asyncio.sleep(0.01)
    finally:
        await here.close()
    assert [type(event) for event in published] == [ProfileChanged, ProfileChanged, ProfileRemoved]
