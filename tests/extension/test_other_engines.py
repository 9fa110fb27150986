"""Engines that are not MLX's: any command, and servers elsewhere, behind the real extension."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.extension.test_gateway import ASK
from tests.extension.test_servers import API, failed, start, until
from tests.fixtures.jupyter import runs

if TYPE_CHECKING:
    from tests.extension.conftest import Door

PROGRAM = Path(__file__).parents[1] / "fixtures" / "small_server.py"


async def key_of(door: Door) -> str:
    made = await door.json(f"{API}/keys", method="POST", body={"label": "test"})
    secret: str = made["secret"]
    return secret


async def asked(door: Door, key: str, model: str) -> dict[str, Any]:
    body = {"model": model, "messages": ASK}
    whole: dict[str, Any] = await door.json(
        "v1/chat/completions", method="POST", token=key, body=body
    )
    return whole


async def saved(door: Door, name: str, **fields: Any) -> None:
    await door.json(f"{API}/profiles", method="POST", body={"name": name, **fields})


def command(*words: str) -> dict[str, Any]:
    return {"engine": "command", "command": [sys.executable, str(PROGRAM), *words]}


async def test_a_command_runs_answers_and_ends(door: Door, model: Path) -> None:
    own = command("{host}:{port}", "{model}")
    await saved(door, "mine", model=str(model), ready_path="/up", temperature=0.5, **own)
    await start(door, profile="mine")
    server = await until(door, "mine", "ready")
    assert server["engine"] == "command"
    assert server["ready_seconds"] > 0.5, "the port is open before it is ready"
    assert psutil.Process(server["pid"]).cmdline()[-2:] == [
        f"127.0.0.1:{server['port']}",
        str(model),
    ]
    whole = await asked(door, await key_of(door), "mine")
    assert whole["choices"][0]["message"]["content"] == f"{model} at 0.5"
    assert whole["model"] == "mine"
    log = await door.json(f"{API}/servers/mine/logs")
    assert f"warming up {model}" in log["lines"]
    assert (await door.fetch(f"{API}/servers/mine", method="DELETE")).code == 204
    assert not runs(server["pid"])


async def test_a_command_needs_no_model(door: Door) -> None:
    await saved(door, "mine", ready_path="/up", **command("{host}:{port}", "none"))
    await start(door, profile="mine")
    await until(door, "mine", "ready")
    whole = await asked(door, await key_of(door), "mine")
    assert whole["choices"][0]["message"]["content"] == "mine at None"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["/nowhere/at/all", "{port}"], "start_failed", "could not be started"),
        ([sys.executable, "-c", "raise SystemExit(3)", "{port}"], "engine_crashed", "exit code 3"),
    ],
)
async def test_a_command_that_does_not_run_is_told(
    door: Door, words: list[str], code: str, said: str
) -> None:
    await saved(door, "mine", engine="command", command=words, restart="never")
    answer = await door.fetch(f"{API}/servers", method="POST", body={"profile": "mine"})
    if answer.code == 202:
        problem = (await failed(door, "mine"))["error"]
    else:
        problem = json.loads(answer.body)
    assert problem["code"] == code
    assert said in problem["message"]


async def test_another_gateway_is_a_remote(
    door: Door, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here it is our own: what it answers comes from an engine behind it."""
    await start(door, model=str(model), name="there")
    engine = await until(door, "there", "ready")
    key = await key_of(door)
    monkeypatch.setenv("THEIR_KEY", key)
    await saved(
        door,
        "far",
        engine="remote",
        model="there",
        base_url=f"{door.url}v1",
        api_key_env="THEIR_KEY",
    )
    await start(door, profile="far")
    server = await until(door, "far", "ready")
    assert (server["engine"], server["pid"]) == ("remote", None)
    assert server["base_url"] == f"{door.url}v1"
    whole = await asked(door, key, "far")
    assert whole["choices"][0]["message"]["content"] == "The capital of France is Paris."
    assert whole["model"] == "far"
    for record in (server, await door.json(f"{API}/profiles/far")):
        assert key not in json.dumps(record)
    assert (await door.fetch(f"{API}/servers/far", method="DELETE")).code == 204
    assert runs(engine["pid"]), "it is not ours to end"


async def test_a_remote_that_wants_another_key_says_so(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THEIR_KEY", "wrong")
    fields = {"base_url": f"{door.url}v1", "api_key_env": "THEIR_KEY"}
    await saved(door, "far", engine="remote", model="there", **fields)
    await start(door, profile="far")
    server = await failed(door, "far")
    assert "THEIR_KEY" in str(server["error"])
    assert "wrong" not in str(server["error"])


async def test_a_key_that_is_not_there_is_told_before_a_start(door: Door) -> None:
    assert "THEIR_KEY" not in os.environ
    fields = {"base_url": f"{door.url}v1", "api_key_env": "THEIR_KEY"}
    await saved(door, "far", engine="remote", model="there", **fields)
    problem = await start(door, profile="far", expect=400)
    assert problem["code"] == "invalid_value"
    assert "THEIR_KEY" in problem["message"]
