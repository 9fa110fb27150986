"""Servers over HTTP: a real Jupyter server, and the fake engine as a real process."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.fixtures.jupyter import runs, started_from
from tests.fixtures.models import break_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.extension.conftest import Door

API = "mlx-manager/api"


async def until(door: Door, name: str, state: str, seconds: float = 15.0) -> dict[str, Any]:
    """Wait for a state, and fail at once when the server fails instead."""
    async with asyncio.timeout(seconds):
        while True:
            server: dict[str, Any] = await door.json(f"{API}/servers/{name}")
            if server["state"] == state:
                return server
            assert server["state"] != "failed", str(server)  # pytest would cut what is no text
            await asyncio.sleep(0.02)


async def start(door: Door, expect: int = 202, **body: Any) -> dict[str, Any]:
    response = await door.fetch(f"{API}/servers", method="POST", body=body)
    assert response.code == expect, response.body
    answer: dict[str, Any] = json.loads(response.body)
    return answer


async def test_a_server_starts_answers_and_stops(door: Door, model: Path) -> None:
    started = await start(door, model=str(model), name="tiny")
    assert started["state"] in {"starting", "loading", "ready"}
    ready = await until(door, "tiny", "ready")
    assert ready["engine"] == "mlx-lm"
    assert ready["profile"] is None
    assert ready["ready_seconds"] > 0
    assert ready["size_bytes"] == (model / "model.safetensors").stat().st_size
    assert [server["name"] for server in await door.json(f"{API}/servers")] == ["tiny"]
    log = await door.json(f"{API}/servers/tiny/logs?lines=50")
    assert any("Starting httpd" in line for line in log["lines"])

    assert (await door.fetch(f"{API}/servers/tiny", method="DELETE")).code == 204
    assert not runs(ready["pid"])
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", ready["port"]))
    assert await door.json(f"{API}/servers") == []


async def test_a_second_start_joins_and_other_settings_are_refused(door: Door, model: Path) -> None:
    await start(door, model=str(model), name="tiny")
    first = await until(door, "tiny", "ready")
    joined = await start(door, model=str(model), name="tiny", expect=200)
    assert joined["pid"] == first["pid"]
    refused = await start(door, model=str(model), name="tiny", set={"top_k": 3}, expect=409)
    assert refused["code"] == "name_taken"
    assert "--name" in refused["hint"]


async def test_a_profile_is_served_under_its_name_and_settings(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    profile = {
        "name": "calm",
        "model": str(model),
        "temperature": 0.5,
        "chat_template_args": {"enable_thinking": False},
        "env": fake_env(),
    }
    await door.json(f"{API}/profiles", method="POST", body=profile)
    await start(door, model="calm", set={"max_tokens": 9})
    server = await until(door, "calm", "ready")
    assert server["profile"] == "calm"
    argv = psutil.Process(server["pid"]).cmdline()
    assert argv[argv.index("--temp") + 1] == "0.5"
    assert argv[argv.index("--max-tokens") + 1] == "9"
    assert json.loads(argv[argv.index("--chat-template-args") + 1]) == {"enable_thinking": False}


async def test_restart_makes_another_process(door: Door, model: Path) -> None:
    await start(door, model=str(model), name="tiny")
    old = await until(door, "tiny", "ready")
    await door.json(f"{API}/servers/tiny/restart", method="POST")
    new = await until(door, "tiny", "ready")
    assert new["pid"] != old["pid"]
    assert not runs(old["pid"])


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("no_weights", 422, "no_weights"),
        ("truncated", 422, "corrupt_weights"),
        ("bad_header", 422, "corrupt_weights"),
    ],
)
async def test_a_model_that_cannot_be_served_is_refused_before_a_start(
    door: Door, tmp_path: Path, fault: str, status: int, code: str
) -> None:
    broken = break_model(fault, tmp_path / "broken")
    problem = await start(door, model=str(broken), name="broken", expect=status)
    assert problem["code"] == code
    assert problem["hint"]
    assert await door.json(f"{API}/servers") == []


async def test_an_unknown_model_is_told_apart(door: Door) -> None:
    problem = await start(door, model="nobody/nothing-4bit", expect=404)
    assert problem["code"] == "unknown_model"
    assert "nobody/nothing-4bit" in problem["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad_request"),
        ({"model": "a", "profile": "b"}, "bad_request"),
        ({"model": 3}, "bad_request"),
        ({"modle": "a"}, "bad_request"),
        ({"model": "a", "set": {"temprature": 1}}, "unknown_field"),
        ({"model": "a", "set": {"top_p": 7}}, "invalid_value"),
        ({"model": "a", "set": {"host": "0.0.0.0"}}, "invalid_value"),
        ({"model": "a", "set": {"extra_args": ["--host=0.0.0.0"]}}, "invalid_value"),
        ({"model": "a", "name": "a/b"}, "bad_request"),
    ],
)
async def test_a_bad_request_says_what_is_wrong(
    door: Door, body: dict[str, Any], code: str
) -> None:
    problem = await start(door, **body, expect=400)
    assert problem["code"] == code
    assert problem["message"]


async def test_a_file_of_the_profile_that_is_not_there_is_named(door: Door, model: Path) -> None:
    missing = {"chat_template_file": str(model / "nowhere.jinja")}
    problem = await start(door, model=str(model), name="tiny", set=missing, expect=400)
    assert problem["code"] == "invalid_value"
    assert "nowhere.jinja" in problem["message"]


@pytest.mark.parametrize("lines", ["-1", "many", "%C2%B2", "9" * 5000])
async def test_a_number_of_lines_that_is_none_is_refused(door: Door, lines: str) -> None:
    response = await door.fetch(f"{API}/servers/tiny/logs?lines={lines}")
    assert response.code == 400
    assert json.loads(response.body)["code"] == "invalid_value"


@pytest.mark.parametrize("body", [b"{nope", b'{"set": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"])
async def test_a_body_that_cannot_be_read_is_refused(door: Door, body: bytes) -> None:
    from tornado.httpclient import AsyncHTTPClient  # noqa: PLC0415

    response = await AsyncHTTPClient().fetch(
        f"{door.url}{API}/servers",
        method="POST",
        headers={"Authorization": f"Bearer {door.token}"},
        body=body,
        raise_error=False,
    )
    assert response.code == 400
    assert json.loads(response.body)["code"] == "bad_request"


async def test_a_taken_port_is_refused_when_it_was_asked_for(door: Door, model: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        problem = await start(door, model=str(model), port=port, expect=409)
        assert problem["code"] == "port_taken"
        assert str(port) in problem["message"]


async def test_a_port_that_another_program_takes_meanwhile_is_given_up(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    """Engines bind seconds after we looked; the fake one is stopped until its port is lost."""
    started = await start(door, model=str(model), name="slow", set={"env": fake_env()})
    server = await door.json(f"{API}/servers/slow")
    engine = psutil.Process(server["pid"] or started["pid"])
    engine.suspend()
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", server["port"]))
        thief.listen()
        engine.resume()
        ready = await until(door, "slow", "ready")
        assert ready["port"] != server["port"]
        assert ready["pid"] != engine.pid


async def failed(door: Door, name: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            server: dict[str, Any] = await door.json(f"{API}/servers/{name}")
            if server["state"] == "failed":
                return server
            assert server["state"] != "ready", server
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ({"die_at_load": "Model type nosuch not supported."}, ("unsupported_model", "nosuch")),
        ({"die_at_load": "[metal::malloc] Unable to allocate"}, ("out_of_memory", "memory")),
        ({"die_at_load": "[load_safetensors] Invalid header"}, ("corrupt_weights", "damaged")),
        ({"die_at_load": "something new"}, ("start_failed", "something new")),
        ({"exit_at_load": 7}, ("engine_crashed", "exit code 7")),
    ],
)
async def test_an_engine_that_dies_at_load_says_why(
    door: Door,
    model: Path,
    fake_env: Callable[..., dict[str, str]],
    switches: dict[str, Any],
    expected: tuple[str, str],
) -> None:
    code, words = expected
    await start(door, model=str(model), name="dies", set={"env": fake_env(**switches)})
    server = await failed(door, "dies")
    assert server["error"]["code"] == code
    assert words in server["error"]["message"]
    assert server["error"]["log_tail"] or "exit_at_load" in switches
    assert server["pid"] is None
    assert started_from(model) == []
    # It stays listed until it is dismissed or tried again.
    assert (await door.fetch(f"{API}/servers/dies", method="DELETE")).code == 204
    assert await door.json(f"{API}/servers") == []


async def test_a_crash_after_ready_is_told_and_can_be_restarted(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    await start(door, model=str(model), name="crashes", set={"env": fake_env(crash_after=0.8)})
    await until(door, "crashes", "ready")
    async with asyncio.timeout(10):
        while (server := await door.json(f"{API}/servers/crashes"))["state"] != "failed":
            await asyncio.sleep(0.05)
    assert server["error"]["code"] == "engine_crashed"
    assert "signal 9" in server["error"]["message"]
    await door.json(f"{API}/servers/crashes/restart", method="POST")
    await until(door, "crashes", "ready")


async def test_a_start_can_be_stopped_while_it_loads(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    await start(door, model=str(model), name="slow", set={"env": fake_env(load_seconds=60)})
    server = await until(door, "slow", "loading")
    assert server["progress"]["stage"] == "loading weights"
    assert server["progress"]["total_bytes"] == server["size_bytes"]
    assert (await door.fetch(f"{API}/servers/slow", method="DELETE")).code == 204
    assert not runs(server["pid"])


async def test_an_engine_that_is_not_installed_is_told_with_the_cure(
    door: Door, model: Path, extension: Any
) -> None:
    extension.managers.servers._planner._matcher._engine_paths = {
        "mlx-lm": "/nowhere/mlx_lm.server"
    }
    problem = await start(door, model=str(model), expect=424)
    assert problem["code"] == "engine_missing"
    assert problem["hint"]


async def test_secrets_of_jupyters_environment_do_not_reach_engines(
    door: Door, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_very_secret")
    monkeypatch.setenv("JUPYTER_TOKEN", "also_secret")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    hides = {"env": {"MLX_MANAGER_RUN": "somebody else's"}}
    await start(door, model=str(model), name="tiny", set=hides)
    server = await until(door, "tiny", "ready")
    environment = psutil.Process(server["pid"]).environ()
    assert "hf_very_secret" not in environment.values()
    assert "also_secret" not in environment.values()
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["TOKENIZERS_PARALLELISM"] == "false", "no token, for all its name"
    assert environment["MLX_MANAGER_RUN"] != "somebody else's"


@pytest.mark.parametrize("path", ["servers/nobody", "servers/nobody/logs"])
async def test_an_unknown_server_is_404(door: Door, path: str) -> None:
    response = await door.fetch(f"{API}/{path}")
    assert response.code == 404
    assert json.loads(response.body)["code"] == "unknown_server"
