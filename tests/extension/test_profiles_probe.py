"""Trying a profile on the running model: three questions through the gateway."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from mlx_manager_jupyter.schema import Model, ProbeFinding, StoredEvidence
from mlx_manager_jupyter.services.profiles.evidence import key
from mlx_manager_jupyter.services.profiles.questions import QUESTIONS
from tests.extension.test_servers import API, start, until
from tests.fixtures import models
from tests.fixtures.jupyter import started_from
from tests.fixtures.models import make
from tests.services.data import chat_templates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.extension.conftest import Door

PROFILES = f"{API}/profiles"


async def probed(door: Door, name: str) -> dict[str, tuple[bool, str]]:
    told = await door.json(f"{PROFILES}/{name}/probe", method="POST")
    return {each["what"]: (each["works"], each["detail"]) for each in told["findings"]}


async def made(door: Door, model: Path, **fields: Any) -> None:
    body = {"name": "mine", "model": str(model), "temperature": 0.0, **fields}
    await door.json(PROFILES, method="POST", body=body)


class TestOnTheRealEngine:
    """mlx-lm, on a tiny model that thinks aloud before it answers."""

    pytestmark = pytest.mark.engine

    @pytest.fixture
    def jp_server_config(self) -> dict[str, Any]:
        """No engine is configured: mlx-lm is found beside this Python."""
        return {
            "ServerApp": {
                "jpserver_extensions": {"mlx_manager_jupyter": True},
                "allow_unauthenticated_access": False,
            }
        }

    async def test_what_the_model_does_is_told_and_the_server_is_gone_again(
        self, door: Door, tmp_path: Path
    ) -> None:
        await made(door, make("think", tmp_path / "m"))
        found = await probed(door, "mine")
        assert found["tools"] == (False, "answered without calling the tool")
        assert found["reasoning"] == (True, "thoughts came apart from the answer")
        assert found["schema"] == (False, "the answer is no JSON object")
        assert await door.json(f"{API}/servers") == []
        assert started_from(tmp_path) == []

    async def test_a_call_that_the_engine_reads_is_proof(
        self, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await made(door, caller(tmp_path / "m", monkeypatch))
        found = await probed(door, "mine")
        assert found["tools"] == (True, "called get_weather('Paris')")
        assert not found["reasoning"][0]


def caller(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model that calls the weather, whatever it is asked."""
    marks = ("<tool_call>", "</tool_call>")
    monkeypatch.setattr(models, "SPECIALS", (*models.SPECIALS, *marks))
    call = '{"name": "get_weather", "arguments": {"city": "Paris"}}'
    words = [models.ASSISTANT, marks[0], call, marks[1], models.END]
    # What mlx-lm tells the notation by; it is never written.
    never = "{% if tools and false %}<tool_call>{{ tool_call.name }}</tool_call>{% endif %}"
    template = models.TEMPLATE + never
    models._write(folder, models.Shape(), models.Script(words), template)
    return folder


async def test_a_server_that_runs_already_is_asked_and_goes_on(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    answer = '{"city": "Paris", "population": 2100000}'
    await made(door, model, env=fake_env(tokens=answer))
    await start(door, profile="mine")
    await until(door, "mine", "ready")
    found = await probed(door, "mine")
    assert found["schema"] == (True, "the answer follows the schema")
    assert found["tools"] == (False, "answered without calling the tool")
    assert found["reasoning"] == (False, "answered without thinking")
    assert (await door.json(f"{API}/servers/mine"))["state"] == "ready"


async def test_thoughts_and_calls_that_come_as_text_are_told(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    await made(door, model, env=fake_env(tokens="<think>so</think><tool_call>{}</tool_call>"))
    found = await probed(door, "mine")
    assert not found["tools"][0]
    assert "the parser does not read" in found["tools"][1]
    assert not found["reasoning"][0]
    assert "the parser does not read" in found["reasoning"][1]


async def test_an_engine_that_refuses_a_question_is_a_finding(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    await made(door, model, env=fake_env(error_status=400))
    found = await probed(door, "mine")
    assert [works for works, _ in found.values()] == [False] * 3
    assert "refused" in found["schema"][1]


async def test_what_can_not_be_started_says_why(
    door: Door, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    await made(door, model, env=fake_env(exit_at_load=3), restart="never")
    answer = await door.fetch(f"{PROFILES}/mine/probe", method="POST")
    assert answer.code == 502
    assert json.loads(answer.body)["code"] in {"engine_crashed", "start_failed"}
    answer = await door.fetch(f"{PROFILES}/ghost/probe", method="POST")
    assert answer.code == 404


async def test_who_leaves_ends_the_answer_and_what_was_started(
    door: Door, model: Path, tmp_path: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    await made(door, model, env=fake_env(token_seconds=5, tokens=["slow"] * 100))
    url = urlsplit(door.url)
    _, asking = await asyncio.open_connection(url.hostname, url.port)
    head = f"POST {url.path}{PROFILES}/mine/probe HTTP/1.1\r\nHost: {url.netloc}\r\n"
    asking.write(f"{head}Authorization: Bearer {door.token}\r\nContent-Length: 0\r\n\r\n".encode())
    async with asyncio.timeout(30):
        while [each["state"] for each in await door.json(f"{API}/servers")] != ["ready"]:
            await asyncio.sleep(0.02)
    asking.close()
    async with asyncio.timeout(30):
        while await door.json(f"{API}/servers"):
            await asyncio.sleep(0.05)
    assert started_from(tmp_path) == []


async def test_what_works_is_kept(
    door: Door, extension: Any, model: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    evidence = extension.managers.evidence
    await made(door, model, env=fake_env(tokens='{"city": "a", "population": 1}'))
    told = await door.json(f"{PROFILES}/mine/probe", method="POST")
    kept = await evidence.find(str(model), told["revision"], "mlx-lm")
    assert [finding.works for finding in kept.findings] == [False, False, True]
    assert kept.engine_version == told["engine_version"]
    tools = StoredEvidence(
        name=key(str(model), None, "mlx-vlm"),
        engine_version="0.7.10",
        findings=(ProbeFinding(what="tools", works=True, detail="called it"),),
        proven={},
        probed_at=kept.probed_at,
    )
    await evidence.put(tools)
    read = Model(id=str(model), capabilities=("vision",), evidence={"reasoning": "name"})
    shown = await evidence.shown(read)
    assert shown.capabilities == ("vision", "tools")
    assert "tried with mlx-vlm 0.7.10, works: called it" in shown.evidence["tools"]
    assert shown.evidence["reasoning"].startswith("name; tried with mlx-lm")
    assert "does not work: answered without thinking" in shown.evidence["reasoning"]
    assert await evidence.shown(Model(id="org/other")) == Model(id="org/other")


async def test_a_suggestion_that_was_tried_is_proven(
    door: Door, extension: Any, tmp_path: Path
) -> None:
    model = make("chat", tmp_path / "m")
    (model / "chat_template.jinja").write_text(chat_templates.QWEN3, "utf-8")
    values = {"name": "mine", "model": str(model), "engine": "mlx-openai-server"}
    evidence = StoredEvidence(
        name=key(str(model), None, "mlx-openai-server"),
        engine_version="1.8.1",
        findings=(),
        proven={"tool_call_parser": "hermes"},
        probed_at=datetime.now(UTC),
    )
    await extension.managers.evidence.put(evidence)
    check = await door.json(f"{PROFILES}/check", method="POST", body=values)
    proven = {each["field"]: each["proven"] for each in check["suggestions"]}
    assert proven["tool_call_parser"]
    assert not proven["reasoning_parser"]


def test_each_question_is_judged_by_what_came() -> None:
    tools, reasoning, schema = QUESTIONS

    def call(name: str, arguments: str) -> dict[str, Any]:
        return {"tool_calls": [{"function": {"name": name, "arguments": arguments}}]}

    assert tools.finding(call("get_weather", '{"city": "Paris"}')).works
    for name, arguments in (
        ("get_weather", "{}"),
        ("get_weather", "no json"),
        ("other", '{"city": "Paris"}'),
    ):
        assert not tools.finding(call(name, arguments)).works
    assert reasoning.finding({"content": "391", "reasoning_content": "17 * 23"}).works
    assert not reasoning.finding({"content": "[THINK]17", "reasoning": "x"}).works
    for text in ("", None, "[1]", '{"city": "Paris"}', '{"city": 1, "population": 2}'):
        assert not schema.finding({"content": text}).works
