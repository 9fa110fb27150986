"""Profiles over REST, beside running servers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.extension.test_servers import API, start, until
from tests.fixtures.models import make
from tests.services.data import chat_templates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.extension.conftest import Door

PROFILES = f"{API}/profiles"


async def refused(door: Door, path: str, **options: Any) -> tuple[int, str, str]:
    answer = await door.fetch(path, **options)
    told = json.loads(answer.body)
    return answer.code, told["code"], f"{told['message']} {told['hint']}"


async def problems(door: Door, **values: Any) -> dict[str, str]:
    check = await door.json(f"{PROFILES}/check", method="POST", body=values)
    return {each["field"]: each["problem"]["code"] for each in check["problems"]}


async def test_a_profile_is_made_edited_copied_renamed_and_deleted(door: Door, model: Path) -> None:
    body = {"name": "mine", "model": str(model), "temperature": 0.5, "description": "x"}
    answer = await door.fetch(PROFILES, method="POST", body=body)
    assert answer.code == 201
    edited = await door.json(
        f"{PROFILES}/mine", method="PATCH", body={"temperature": None, "top_p": 0.9}
    )
    assert (edited["temperature"], edited["top_p"], edited["description"]) == (None, 0.9, "x")
    answer = await door.fetch(f"{PROFILES}/mine/copy", method="POST", body={"name": "other"})
    assert answer.code == 201
    renamed = await door.json(f"{PROFILES}/other", method="PATCH", body={"name": "third"})
    assert renamed["name"] == "third"
    assert [each["name"] for each in await door.json(PROFILES)] == ["mine", "third"]
    gone = await door.json(f"{PROFILES}/third", method="DELETE")
    assert gone == {"name": "third", "servers": []}
    assert (await refused(door, f"{PROFILES}/third"))[:2] == (404, "unknown_profile")


async def test_what_is_wrong_is_refused_with_its_status(door: Door, model: Path) -> None:
    mine = {"name": "mine", "model": str(model)}
    await door.json(PROFILES, method="POST", body=mine)
    again = await refused(door, PROFILES, method="POST", body=mine)
    assert again[:2] == (409, "name_taken")
    code, kind, words = await refused(
        door, f"{PROFILES}/mine", method="PATCH", body={"temprature": 1}
    )
    assert (code, kind) == (400, "unknown_field")
    assert "temperature" in words
    bad = await refused(door, f"{PROFILES}/mine", method="PATCH", body={"top_p": 3})
    assert bad[:2] == (400, "invalid_value")
    assert (await refused(door, f"{PROFILES}/ghost", method="PATCH"))[:2] == (
        404,
        "unknown_profile",
    )
    assert (await refused(door, f"{PROFILES}/mine/copy", method="POST"))[:2] == (400, "bad_request")


async def test_a_check_finds_all_and_saves_nothing(door: Door, model: Path) -> None:
    assert await problems(door, name="mine", model=str(model)) == {}
    found = await problems(
        door, name="mine", model="org/not-here", temperature=9, kv_bits=4, host="0.0.0.0", color=1
    )
    assert found == {
        "model": "unknown_model",
        "temperature": "invalid_value",
        "host": "invalid_value",
        "color": "unknown_field",
    }
    assert await problems(door) == {"name": "invalid_value", "model": "invalid_value"}
    assert await door.json(PROFILES) == []
    await door.json(PROFILES, method="POST", body={"name": "a", "model": "org/m", "aliases": ["b"]})
    assert (await problems(door, name="a", model=str(model))) == {"name": "name_taken"}
    taken = await problems(door, name="c", model=str(model), aliases=["b"])
    assert taken == {"aliases": "name_taken"}


async def test_a_check_says_the_engine_what_it_honours_and_what_the_model_suggests(
    door: Door, tmp_path: Path
) -> None:
    thinker = make("think", tmp_path / "thinker")
    (thinker / "chat_template.jinja").write_text(chat_templates.QWEN3, "utf-8")
    values: dict[str, Any] = {"name": "mine", "model": str(thinker)}
    check = await door.json(f"{PROFILES}/check", method="POST", body=values)
    assert check["engine"] == "mlx-lm"
    assert {"temperature", "kv_bits", "name"} <= set(check["honoured"])
    assert "tool_call_parser" not in check["honoured"]
    suggested = {each["field"]: each for each in check["suggestions"]}
    assert "context_length" in suggested
    assert "tool_call_parser" not in suggested
    assert any("by itself" in note for note in check["notes"])
    other = values | {"engine": "mlx-openai-server"}
    check = await door.json(f"{PROFILES}/check", method="POST", body=other)
    suggested = {each["field"]: each for each in check["suggestions"]}
    assert suggested["tool_call_parser"]["value"] == "hermes"
    assert "template" in suggested["tool_call_parser"]["reason"]
    assert not suggested["tool_call_parser"]["proven"]
    mine = tmp_path / "mine.jinja"
    mine.write_text(chat_templates.QWEN3_CODER, "utf-8")
    own = other | {"chat_template_file": str(mine)}
    check = await door.json(f"{PROFILES}/check", method="POST", body=own)
    suggested = {each["field"]: each["value"] for each in check["suggestions"]}
    assert suggested["tool_call_parser"] == "qwen3_coder"


async def test_a_document_goes_out_and_comes_back(door: Door, model: Path) -> None:
    body = {"name": "mine", "model": str(model), "env": {"HF_TOKEN": "secret", "A": "b"}}
    await door.json(PROFILES, method="POST", body=body)
    document = await door.json(f"{PROFILES}/export")
    assert document["version"] == 1
    assert "secret" not in json.dumps(document)
    again = await refused(door, f"{PROFILES}/import", method="POST", body=document)
    assert again[:2] == (409, "name_taken")
    for how, did in (("skip", "skipped"), ("replace", "replaced"), ("rename", "renamed")):
        path = f"{PROFILES}/import?on_conflict={how}"
        (told,) = await door.json(path, method="POST", body=document)
        assert told["did"] == did
    assert [each["name"] for each in await door.json(PROFILES)] == ["mine", "mine-2"]
    bad = await refused(door, f"{PROFILES}/import?on_conflict=maybe", method="POST", body=document)
    assert bad[:2] == (400, "invalid_value")


async def test_there_are_starting_points_for_a_model_and_for_all(door: Door) -> None:
    path = f"{PROFILES}/starting-points"
    every = await door.json(path)
    assert len({each["family"] for each in every}) == len(every) > 10
    some = await door.json(f"{path}?model=mlx-community%2Fgemma-3-4b-it-4bit")
    assert [each["family"] for each in some] == ["gemma3"]
    assert some[0]["values"]["top_k"] == 64


async def test_an_edit_while_it_runs_waits_for_a_restart_or_does_not(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    body = {"name": "mine", "model": str(model), "env": fake_env()}
    await door.json(PROFILES, method="POST", body=body)
    await start(door, profile="mine")
    await until(door, "mine", "ready")
    edit = f"{PROFILES}/mine"
    await door.json(edit, method="PATCH", body={"description": "new", "pinned": True})
    server = await door.json(f"{API}/servers/mine")
    assert (server["restart_to_apply"], server["pinned"]) == (False, True)
    await door.json(edit, method="PATCH", body={"temperature": 0.3})
    assert (await door.json(f"{API}/servers/mine"))["restart_to_apply"]
    check = await door.json(f"{PROFILES}/check", method="POST", body=body)
    assert check["affects"] == ["mine"]
    await door.json(edit, method="PATCH", body={"name": "yours", "temperature": None})
    server = await door.json(f"{API}/servers/mine")
    assert (server["profile"], server["restart_to_apply"]) == ("yours", False)
    gone = await door.json(f"{PROFILES}/yours", method="DELETE")
    assert gone["servers"] == ["mine"]
    server = await door.json(f"{API}/servers/mine")
    assert (server["state"], server["restart_to_apply"]) == ("ready", False)


@pytest.mark.parametrize("name", ["check", "export", "import", "starting-points"])
async def test_no_profile_is_called_like_a_path(door: Door, model: Path, name: str) -> None:
    body = {"name": name, "model": str(model)}
    assert (await refused(door, PROFILES, method="POST", body=body))[:2] == (400, "invalid_value")
