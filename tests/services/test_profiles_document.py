"""Profiles as a document: what goes out, what never does, and what becomes of it elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.errors import InvalidValue, NameTaken, UnknownProfile
from mlx_manager_jupyter.services.profiles import ProfileManager

if TYPE_CHECKING:
    from pathlib import Path

CODER = {"name": "coder", "model": "org/coder", "temperature": 0.2, "aliases": ["c", "gpt-4o"]}


@pytest.fixture
def profiles(tmp_path: Path) -> ProfileManager:
    return ProfileManager(Store(tmp_path / "state.json"), lambda _: None)


@pytest.fixture
def other(tmp_path: Path) -> ProfileManager:
    return ProfileManager(Store(tmp_path / "other.json"), lambda _: None)


async def exported(profiles: ProfileManager, name: str | None = None) -> Any:
    """As it arrives elsewhere."""
    return msgspec.json.decode(msgspec.json.encode(await profiles.export(name)))


async def test_what_is_exported_is_the_same_elsewhere(
    profiles: ProfileManager, other: ProfileManager
) -> None:
    await profiles.create(CODER)
    await profiles.create(
        {
            "name": "wide",
            "model": "org/m",
            "distributed": {"ranks": 2},
            "env": {"A": "b"},
            "chat_template_args": {"enable_thinking": False},
        }
    )
    document = await exported(profiles)
    assert document["version"] == 1
    assert document["profiles"][0] == CODER  # only what is set
    told = await other.import_(document)
    assert [(one.name, one.did) for one in told] == [("coder", "created"), ("wide", "created")]
    assert await other.list() == await profiles.list()
    assert (await exported(profiles, "wide"))["profiles"][0]["name"] == "wide"
    with pytest.raises(UnknownProfile, match="Did you mean coder"):
        await profiles.export("codr")


async def test_no_secret_goes_out(profiles: ProfileManager) -> None:
    secret = "hunter2"
    await profiles.create(
        {
            "name": "a",
            "model": "org/m",
            "env": {"HF_TOKEN": secret, "TOKENIZERS_PARALLELISM": "1", "MY_API_KEY": secret},
            "extra_args": ["--api-key", secret, "--top-logprobs-k", "3", f"--api-key={secret}"],
        }
    )
    await profiles.create(
        {"name": "b", "engine": "remote", "model": "m", "base_url": f"http://me:{secret}@host/v1"}
    )
    await profiles.create({"name": "c", "command": ["x", "--port={port}", "--auth-token", secret]})
    document = await exported(profiles)
    assert secret not in str(document)
    first, second, third = document["profiles"]
    assert first["env"] == {"TOKENIZERS_PARALLELISM": "1"}
    assert first["extra_args"] == ["--top-logprobs-k", "3"]
    assert second["base_url"] == "http://host/v1"
    assert third["command"] == ["x", "--port={port}"]
    assert document["withheld"] == [
        "a: env HF_TOKEN",
        "a: env MY_API_KEY",
        "a: extra_args --api-key",
        "a: extra_args --api-key",
        "b: base_url login",
        "c: command --auth-token",
    ]


async def test_a_taken_name_imports_nothing(
    profiles: ProfileManager, other: ProfileManager
) -> None:
    await profiles.create({"name": "new", "model": "org/n"})
    await profiles.create(CODER)
    await other.create({"name": "coder", "model": "org/mine"})
    before = await other.list()
    with pytest.raises(NameTaken, match="coder"):
        await other.import_(await exported(profiles))
    assert await other.list() == before


@pytest.mark.parametrize(
    ("on_conflict", "did", "models"),
    [
        ("skip", [("coder", "skipped", None), ("new", "created", None)], ["org/mine", "org/n"]),
        (
            "replace",
            [("coder", "replaced", None), ("new", "created", None)],
            ["org/coder", "org/n"],
        ),
        (
            "rename",
            [("coder-2", "renamed", "coder"), ("new", "created", None)],
            ["org/mine", "org/coder", "org/n"],
        ),
    ],
)
async def test_what_becomes_of_a_taken_name_is_chosen_and_told(
    profiles: ProfileManager, other: ProfileManager, on_conflict: Any, did: Any, models: list[str]
) -> None:
    await profiles.create(CODER)
    await profiles.create({"name": "new", "model": "org/n"})
    await other.create({"name": "coder", "model": "org/mine", "aliases": ["c"]})
    told = await other.import_(await exported(profiles), on_conflict)
    assert [(one.name, one.did, one.was) for one in told] == did
    assert [profile.model for profile in await other.list()] == models
    if on_conflict == "rename":  # what is another's alias stays another's
        assert (await other.get("coder-2")).aliases == ("gpt-4o",)


async def test_replacing_takes_no_third_ones_alias(
    profiles: ProfileManager, other: ProfileManager
) -> None:
    await profiles.create(CODER)
    await other.create({"name": "coder", "model": "org/mine"})
    await other.create({"name": "third", "model": "org/t", "aliases": ["c"]})
    with pytest.raises(NameTaken, match="third"):
        await other.import_(await exported(profiles), "replace")
    assert (await other.get("coder")).model == "org/mine"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (7, "no document"),
        ({"servers": []}, "no document"),
        ([1], "no document"),
        ({"version": 2, "profiles": []}, "version 2"),
        ([{"name": "a", "model": "m", "temprature": 1}], "temperature"),
        (
            [{"name": "a", "model": "m"}, {"name": "b", "model": "m", "top_p": 7, "seed": -1}],
            "seed",
        ),
    ],
)
async def test_what_is_no_document_is_refused_in_words(
    profiles: ProfileManager, document: Any, words: str
) -> None:
    with pytest.raises(InvalidValue, match=words):
        await profiles.import_(document)
    assert await profiles.list() == ()


async def test_a_plain_list_of_profiles_will_do(profiles: ProfileManager) -> None:
    assert [one.name for one in await profiles.import_([CODER])] == ["coder"]
