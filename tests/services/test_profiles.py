from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.errors import InvalidValue, NameTaken, UnknownField, UnknownProfile
from mlx_manager_jupyter.schema import Event, ProfileChanged, ProfileRemoved
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
