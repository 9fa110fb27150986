"""mlx-openai-server as it was recorded, behind the real extension: starts, failures and quirks.

It can't be installed on Linux, so a real program replays it: `tests.fixtures.fake_openai_server`.
"""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.extension.stopping import stop_amid_a_stream
from tests.extension.test_gateway import ASK
from tests.extension.test_servers import API, failed, start, until
from tests.fixtures import seeing
from tests.fixtures.installations import openai_server
from tests.fixtures.jupyter import runs, started_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.extension.conftest import Door

KIND = "mlx-openai-server"


@pytest.fixture
def version() -> str:
    """The newest that was recorded; tests ask for others by a parameter."""
    return "1.8.1"


@pytest.fixture
def jp_server_config(tmp_path: Path, version: str) -> dict[str, Any]:
    """The engine is found where MLX Manager keeps those that it installs."""
    home = tmp_path / "mlx-home" / "engines" / KIND
    openai_server(home / version, version)
    (home / "current").symlink_to(version)
    return {
        "ServerApp": {
            "jpserver_extensions": {"mlx_manager_jupyter": True},
            "allow_unauthenticated_access": False,
        },
        "ServerManager": {"stop_grace": 0.5},
    }


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Fields of a profile that tell the fake what to do."""

    def fields(**switches: Any) -> dict[str, Any]:
        journal = str(tmp_path / "journal.jsonl")
        env = {"FAKE_SERVER": json.dumps(switches), "FAKE_ENGINE_JOURNAL": journal}
        return {"engine": KIND, "env": env}

    return fields


@pytest.fixture
def journal(tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """What happened in the engine, by event."""

    def read(event: str) -> list[dict[str, Any]]:
        path = tmp_path / "journal.jsonl"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [line for line in map(json.loads, lines) if line["event"] == event]

    return read


async def key_of(door: Door) -> str:
    made = await door.json(f"{API}/keys", method="POST", body={"label": "test"})
    secret: str = made["secret"]
    return secret


async def test_it_starts_answers_under_its_own_name_and_stops_with_its_child(
    door: Door,
    model: Path,
    told: Callable[..., dict[str, Any]],
    journal: Callable[[str], list[dict[str, Any]]],
) -> None:
    await start(door, model=str(model), name="tiny", set=told(reasoning="They ask."))
    server = await until(door, "tiny", "ready")
    assert (server["engine"], server["engine_version"]) == (KIND, "1.8.1")
    argv = psutil.Process(server["pid"]).cmdline()
    program = argv.index(next(word for word in argv if word.endswith(KIND)))
    assert "/1.8.1/bin/" in argv[program], "the version, not what is current by then"
    assert argv[program + 1 : program + 4] == ["launch", "--model-path", str(model)]

    key = await key_of(door)
    body = {"model": "tiny", "messages": ASK}
    whole = await door.json("v1/chat/completions", method="POST", token=key, body=body)
    assert whole["choices"][0]["message"]["content"] == "The capital of France is Paris."
    assert whole["choices"][0]["message"]["reasoning_content"] == "They ask."
    assert whole["model"] == "tiny"
    assert whole["usage"]["completion_tokens"] == 8
    assert journal("finished")[-1]["max_tokens"] == 4096, "not a million"

    (child,) = [each["child"] for each in journal("forked")]
    assert runs(child)
    assert (await door.fetch(f"{API}/servers/tiny", method="DELETE")).code == 204
    assert not runs(server["pid"])
    assert not runs(child)
    assert not list((Path(argv[program]).parents[4] / "logs").rglob("app.log"))


async def test_its_log_is_shown_without_colours(
    door: Door, model: Path, told: Callable[..., dict[str, Any]]
) -> None:
    await start(door, model=str(model), name="tiny", set=told())
    await until(door, "tiny", "ready")
    log = await door.json(f"{API}/servers/tiny/logs?lines=200")
    assert any("Spawned handler process for 'tiny'" in line for line in log["lines"])
    assert "\x1b" not in "".join(log["lines"])
    written = await asyncio.to_thread(Path(log["path"]).read_bytes)
    assert b"\x1b" in written


async def test_while_it_loads_nobody_listens_and_it_can_be_stopped(
    door: Door,
    model: Path,
    told: Callable[..., dict[str, Any]],
    journal: Callable[[str], list[dict[str, Any]]],
) -> None:
    await start(door, model=str(model), name="tiny", set=told(load_seconds=60))
    async with asyncio.timeout(15):
        while not journal("forked"):
            await asyncio.sleep(0.02)
    server = await door.json(f"{API}/servers/tiny")
    assert server["state"] == "starting"
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server["port"])) != 0
    assert (await door.fetch(f"{API}/servers/tiny", method="DELETE")).code == 204
    assert not runs(journal("forked")[0]["child"])
    assert started_from(model) == []


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("corrupt", ("corrupt_weights", "Invalid json header")),
        ("missingpath", ("start_failed", "could not be loaded")),
    ],
)
async def test_a_failed_load_is_a_failure_though_it_exits_with_0(
    door: Door,
    model: Path,
    told: Callable[..., dict[str, Any]],
    reason: str,
    expected: tuple[str, str],
) -> None:
    code, words = expected
    fields = told(fail=reason) | {"restart": "never"}
    await start(door, model=str(model), name="tiny", set=fields)
    server = await failed(door, "tiny")
    assert server["error"]["code"] == code, server["error"]
    assert words in server["error"]["message"]
    assert server["error"]["hint"]
    assert "\x1b" not in str(server["error"])
    assert started_from(model) == []


async def test_a_model_that_sees_runs_without_batching_that_would_hang(
    door: Door, tmp_path: Path, told: Callable[..., dict[str, Any]]
) -> None:
    folder = seeing.make(tmp_path / "m")
    await start(door, model=str(folder), name="sees", set=told())
    server = await until(door, "sees", "ready")
    argv = psutil.Process(server["pid"]).cmdline()
    assert argv[argv.index("--model-type") + 1] == "multimodal"
    assert "--disable-batching" in argv
    async with asyncio.timeout(10):
        body = {"model": "sees", "messages": ASK}
        key = await key_of(door)
        whole = await door.json("v1/chat/completions", method="POST", token=key, body=body)
    assert whole["choices"][0]["message"]["content"]


async def test_it_stops_while_it_answers(
    door: Door,
    model: Path,
    told: Callable[..., dict[str, Any]],
    journal: Callable[[str], list[dict[str, Any]]],
) -> None:
    """It waits for open streams on SIGTERM, and leaves its child behind on SIGINT."""
    endless = told(tokens="word " * 5000, token_seconds=0.02)
    await start(door, model=str(model), name="tiny", set=endless)
    server = await until(door, "tiny", "ready")
    await stop_amid_a_stream(door, server, await key_of(door))
    assert [each["signal"] for each in journal("signal")] == ["SIGTERM", "SIGINT"]
    assert not runs(journal("forked")[0]["child"])


async def test_a_parser_that_it_lacks_is_refused_before_a_start(
    door: Door, model: Path, told: Callable[..., dict[str, Any]]
) -> None:
    fields = told() | {"tool_call_parser": "qwen_3"}
    problem = await start(door, model=str(model), name="tiny", set=fields, expect=400)
    assert problem["code"] == "invalid_value"
    assert "qwen3" in problem["hint"]
    assert await door.json(f"{API}/servers") == []


async def test_auto_is_this_engine_for_what_only_it_has(
    door: Door, model: Path, told: Callable[..., dict[str, Any]]
) -> None:
    fields = told() | {"engine": "auto", "tool_call_parser": "qwen3", "queue_size": 3}
    await start(door, model=str(model), name="tiny", set=fields)
    server = await until(door, "tiny", "ready")
    assert server["engine"] == KIND
    argv = psutil.Process(server["pid"]).cmdline()
    assert argv[argv.index("--tool-call-parser") + 1] == "qwen3"
    assert argv[argv.index("--queue-size") + 1] == "3"


@pytest.mark.parametrize(
    ("version", "lacks"),
    [
        ("1.4.2", {"prompt_cache_size": 3}),
        ("1.5.1", {"draft_model": "d"}),
        ("1.6.3", {"kv_bits": 8}),
        ("1.7.1", {"max_concurrency": 2}),
        ("1.8.0", {"message_converter": "glm4_moe"}),
    ],
)
async def test_older_versions_start_with_what_they_have(
    door: Door,
    model: Path,
    told: Callable[..., dict[str, Any]],
    version: str,
    lacks: dict[str, Any],
) -> None:
    """Each refuses a flag that it does not list, as the real one does."""
    fields = told() | {"temperature": 0.5, "seed": 3, "max_tokens": 4, "context_length": 2048}
    await start(door, model=str(model), name="tiny", set=fields)
    server = await until(door, "tiny", "ready")
    assert server["engine_version"] == version
    key = await key_of(door)
    body = {"model": "tiny", "messages": ASK}
    whole = await door.json("v1/chat/completions", method="POST", token=key, body=body)
    assert whole["usage"]["completion_tokens"] == 4
    lacks = {name: str(model) if value == "d" else value for name, value in lacks.items()}
    problem = await start(door, model=str(model), name="other", set=told() | lacks, expect=400)
    assert problem["code"] == "unsupported_field"
    assert version in problem["message"]
