"""``jupyter mlx profiles``, without a Jupyter: the daemon is started by the first of them."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import MLX
from tests.fixtures.models import make
from tests.services.data import chat_templates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Commands


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = make("chat", tmp_path_factory.mktemp("models") / "tiny-chat")
    (folder / "chat_template.jinja").write_text(chat_templates.QWEN3, "utf-8")
    return str(folder)


@pytest.fixture
def user(module_user: Commands) -> Iterator[Commands]:
    """No server runs afterwards, and no profile is saved."""
    yield module_user
    module_user.run("stop", "--all")
    if names := [each["name"] for each in module_user.json("profiles")]:
        module_user.json("profiles", "delete", *names)


def fields(*pairs: str) -> list[str]:
    return [word for pair in pairs for word in ("--set", pair)]


def test_a_profile_from_its_making_to_its_end(user: Commands, model: str) -> None:
    said = user.run("profiles")
    assert (said.returncode, said.stdout) == (0, "")
    assert "profiles create NAME" in said.stderr
    made = user.json(
        "profiles",
        "create",
        "mine",
        "--model",
        model,
        *fields("temperature=0.2", 'aliases=["gpt-4o"]', "description=first\nsecond"),
    )
    assert (made["temperature"], made["aliases"]) == (0.2, ["gpt-4o"])
    assert user.json("profiles", "show", "mine") == made
    shown = user.says("profiles", "show", "mine")
    assert "temperature" in shown
    assert "kv_bits" not in shown  # what is not set is left out
    table = user.says("profiles", "list")
    assert "temperature=0.2" in table
    assert "first …" in table
    assert user.json("profiles") == user.json("profiles", "list") == [made]

    edited = user.json(
        "profiles", "edit", "mine", *fields("top_p=0.9", "temperature=null"), "--unset", "aliases"
    )
    assert (edited["top_p"], edited["temperature"], edited["aliases"]) == (0.9, None, [])
    assert user.json("profiles", "copy", "mine", "other")["top_p"] == 0.9
    assert user.says("profiles", "edit", "other", "--rename", "third") == "third is saved.\n"
    assert (
        user.says("profiles", "delete", "mine", "third") == "mine is deleted.\nthird is deleted.\n"
    )
    assert user.json("profiles") == []


def test_mistakes_are_told_and_change_nothing(user: Commands, model: str) -> None:
    create = ("profiles", "create", "mine", "--model", model)
    error = user.fails(*create, "--set", "temprature=1")
    assert error["code"] == "unknown_field"
    assert "temperature" in error["hint"]
    assert user.fails(*create, "--set", "top_p=7")["code"] == "invalid_value"
    assert "host_confirmed" in user.fails(*create, "--set", "host=0.0.0.0")["hint"]
    assert user.fails("profiles", "create", "mine")["code"] == "invalid_value"
    assert user.fails("profiles", "show", "mine")["code"] == "unknown_profile"
    unknown = user.fails("profiles", "create", "x", "--model", model, "--from-start", "gema3")
    assert "gemma3" in unknown["hint"]
    user.json(*create)
    assert user.fails(*create)["code"] == "name_taken"
    done = user.run("profiles", "edit", "mine")
    assert done.returncode == 2
    assert "say what to change" in done.stderr
    assert user.run("profiles", "create", "x", "--set", "temperature").returncode == 2


def test_profiles_go_out_and_come_back(user: Commands, model: str, tmp_path: Path) -> None:
    secret = fields('env={"HF_TOKEN": "hunter2", "A": "b"}')
    user.json("profiles", "create", "mine", "--model", model, *secret)
    done = user.run("profiles", "export")
    assert "hunter2" not in done.stdout
    assert "Left out, for it is secret: mine: env HF_TOKEN" in done.stderr
    document = json.loads(done.stdout)
    path = tmp_path / "profiles.json"
    user.run("profiles", "export", "mine", "--output", str(path))
    assert json.loads(path.read_text()) == document
    assert user.fails("profiles", "import", str(path))["code"] == "name_taken"
    (told,) = user.json("profiles", "import", str(path), "--on-conflict", "rename")
    assert (told["name"], told["did"], told["was"]) == ("mine-2", "renamed", "mine")
    piped = subprocess.run(
        [*MLX, "profiles", "import", "-", "--on-conflict", "replace"],
        env=user.env,
        input=done.stdout,
        capture_output=True,
        text=True,
        check=True,
    )
    assert piped.stdout == "mine is replaced.\n"
    path.write_text("{no")
    assert user.fails("profiles", "import", str(path))["code"] == "invalid_value"
    assert user.run("profiles", "import", str(tmp_path / "none.json")).returncode == 1


def test_a_profile_begins_where_others_have_been(user: Commands, model: str) -> None:
    points = {each["family"]: each for each in user.json("profiles", "starting-points")}
    assert "gemma3" in user.says("profiles", "starting-points", "org/gemma-3-4b-it")
    made = user.json(
        "profiles", "create", "mine", "--model", model, "--from-start", "gemma3", "--set", "top_k=7"
    )
    values = points["gemma3"]["values"]
    assert (made["temperature"], made["top_k"]) == (values["temperature"], 7)


def test_suggestions_are_taken_with_their_reasons(user: Commands, model: str) -> None:
    asked = ("--model", model, "--set", "engine=mlx-openai-server", "--suggest")
    done = user.run("profiles", "create", "mine", *asked)
    assert done.returncode == 0, done.stderr
    assert "tool_call_parser=hermes: chat template: <tool_call>" in done.stderr
    made = user.json("profiles", "show", "mine")
    assert (made["tool_call_parser"], made["enable_auto_tool_choice"]) == ("hermes", True)
    assert made["context_length"] is None  # that one is for people to choose
    plain = user.run("profiles", "create", "plain", "--model", model, "--suggest")
    assert "mlx-lm finds out by itself" in plain.stderr
    assert user.json("profiles", "show", "plain")["tool_call_parser"] is None


def test_a_choice_is_tried_on_the_running_model(user: Commands, model: str) -> None:
    answer = {"tokens": '{"city": "Paris", "population": 2100000}'}
    env = fields(f"env={json.dumps({'FAKE_ENGINE': json.dumps(answer)})}")
    told: dict[str, Any] = user.json(
        "profiles", "create", "mine", "--model", model, *env, "--probe"
    )
    assert told["profile"]["name"] == told["probe"]["profile"] == "mine"
    works = {each["what"]: each["works"] for each in told["probe"]["findings"]}
    assert works == {"tools": False, "reasoning": False, "schema": True}
    assert user.json("ps") == []  # what it started is gone again
    table = user.says("profiles", "probe", "mine")
    assert "answered without calling the tool" in table


def test_an_edit_of_what_runs_says_how_to_apply_it(user: Commands, model: str) -> None:
    user.json("profiles", "create", "mine", "--model", model)
    user.json("serve", "mine")
    done = user.run("profiles", "edit", "mine", "--set", "top_k=3")
    assert "to apply: jupyter mlx restart mine" in done.stderr
    done = user.run("profiles", "delete", "mine")
    assert "The server mine goes on" in done.stderr
    assert [each["state"] for each in user.json("ps")] == ["ready"]
