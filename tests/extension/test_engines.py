"""Engines over HTTP: installed, served from, upgraded under running servers, killed on the way."""

from __future__ import annotations

import asyncio
import json
import os
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.environments import end_orphans
from tests.fixtures import wheels
from tests.fixtures.jupyter import Jupyter, free_port, started_from
from tests.fixtures.models import make
from tests.fixtures.processes import until

if TYPE_CHECKING:
    from pathlib import Path

    from mlx_manager_jupyter.extension.app import MLXManager
    from tests.extension.conftest import Door

API = "mlx-manager/api"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = wheels.index(tmp_path / "wheels", "0.1.0")
    for name, value in wheels.environment(folder).items():
        monkeypatch.setenv(name, value)
    # No engine beside this Python nor on PATH: asking real ones for their help takes seconds.
    elsewhere = SimpleNamespace(executable=str(tmp_path / "python"))
    monkeypatch.setattr("mlx_manager_jupyter.adapters.engines.finding.sys", elsewhere)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return folder


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any],
    index: Path,  # noqa: ARG001  before the extension reads its environment
) -> dict[str, Any]:
    """Nothing is configured, so that what is installed counts."""
    return {**jp_server_config, "MLXManager": {"engine_paths": {}}}


async def ask(door: Door, action: str = "install", **more: Any) -> dict[str, Any]:
    body = {"kind": "mlx-lm", "action": action, **more}
    response = await door.fetch(f"{API}/engines", method="POST", body=body)
    assert response.code == 202, response.body
    job: dict[str, Any] = json.loads(response.body)
    async with asyncio.timeout(60):
        while job["state"] == "running":
            await asyncio.sleep(0.05)
            job = await door.json(f"{API}/engines/jobs/{job['id']}")
    return job


async def found(door: Door) -> list[dict[str, Any]]:
    engines: list[dict[str, Any]] = await door.json(f"{API}/engines")
    assert {"remote", "command"} <= {each["kind"] for each in engines}, "they need no program"
    return [each for each in engines if each["kind"] == "mlx-lm"]


async def selected(door: Door) -> dict[str, Any]:
    (used,) = [each for each in await found(door) if each["selected"]]
    return used


async def serve(door: Door, model: Path, name: str) -> dict[str, Any]:
    body = {"model": str(model), "name": name, "set": {"temperature": 0.5}}
    await door.json(f"{API}/servers", method="POST", body=body)
    async with asyncio.timeout(30):
        while True:
            server: dict[str, Any] = await door.json(f"{API}/servers/{name}")
            assert server["state"] != "failed", server
            if server["state"] == "ready":
                return server
            await asyncio.sleep(0.05)


async def test_installed_served_from_and_upgraded_under_a_running_server(
    door: Door, mlx_home: Path, index: Path, model: Path
) -> None:
    assert await found(door) == []
    job = await ask(door)
    assert job["state"] == "done", job
    used = await selected(door)
    folder = mlx_home / "engines" / "mlx-lm"
    assert (used["source"], used["version"]) == ("managed", "0.1.0")
    assert used["path"] == str(folder / "0.1.0" / "bin" / "mlx_lm.server")
    assert {"temperature", "max_tokens", "model"} <= set(used["fields"])
    assert "chat/completions" in used["endpoints"]

    old = await serve(door, model, "old")
    assert old["engine_version"] == "0.1.0"
    wheels.engine(index, "0.2.0")
    assert (await ask(door, "upgrade"))["state"] == "done"
    assert (await selected(door))["previous_version"] == "0.1.0"
    new = await serve(door, model, "new")
    assert new["engine_version"] == "0.2.0"
    assert (await door.json(f"{API}/servers/old"))["pid"] == old["pid"], "it goes on"
    key = (await door.json(f"{API}/keys", method="POST", body={"label": "test"}))["secret"]
    question = {"model": "old", "messages": [{"role": "user", "content": "hi"}]}
    answer = await door.json("v1/chat/completions", method="POST", token=key, body=question)
    assert answer["choices"][0]["message"]["content"]

    refused = await ask(door, "remove")
    assert refused["state"] == "failed"
    assert refused["error"]["code"] == "conflict"
    assert "'new'" in refused["error"]["message"]
    assert (await ask(door, "rollback"))["version"] == "0.1.0"
    for name in ("old", "new"):
        await door.fetch(f"{API}/servers/{name}", method="DELETE")
    assert (await ask(door, "remove"))["state"] == "done"
    assert await found(door) == []
    assert started_from(folder) == []


async def test_a_viewer_sees_how_it_goes(door: Door, extension: MLXManager, index: Path) -> None:
    viewer = extension.managers.events.subscribe()
    assert (await ask(door))["state"] == "done"
    seen = await viewer.next_batch(5)
    viewer.close()
    assert (seen[0].engines, seen[0].engine_jobs) == ((), ())  # type: ignore[attr-defined]
    jobs = [each.job for each in seen if hasattr(each, "job")]
    assert [jobs[0].state, jobs[-1].state] == ["running", "done"]
    assert any("mlx_lm-0.1.0" in line or "mlx-lm==0.1.0" in line for line in jobs[-1].log_tail)
    assert any(hasattr(each, "engines") and each.engines for each in seen[1:])
    later = extension.managers.events.snapshot()
    assert later.engine_jobs[-1].state == "done"
    assert later.engines

    waits = wheels.endless(index, "0.2.0")
    body = {"kind": "mlx-lm", "action": "upgrade"}
    job = await door.json(f"{API}/engines", method="POST", body=body)
    again = await door.fetch(f"{API}/engines", method="POST", body=body)
    assert again.code == 200, "it is the same one"
    assert json.loads(again.body)["id"] == job["id"]
    await until(waits.exists, 30)
    assert (await door.fetch(f"{API}/engines/jobs/{job['id']}", method="DELETE")).code == 204
    assert (await door.json(f"{API}/engines/jobs"))[-1]["state"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "mlx-lm", "action": "rollback"}, 409, "conflict"),
        ({"kind": "mlx-lm", "action": "remove"}, 424, "engine_missing"),
        ({"kind": "mlx-lm", "version": "newest"}, 400, "invalid_value"),
        ({"kind": "command"}, 400, "invalid_value"),
        ({"kind": "mlx-lm", "verson": "1"}, 400, "bad_request"),
        ({"kind": "llama.cpp"}, 400, "bad_request"),
    ],
)
async def test_what_can_not_be_is_refused(
    door: Door, body: dict[str, Any], status: int, code: str
) -> None:
    response = await door.fetch(f"{API}/engines", method="POST", body=body)
    problem = json.loads(response.body)
    assert (response.code, problem["code"]) == (status, code), problem
    assert problem["message"]
    missing = await door.fetch(f"{API}/engines/jobs/none")
    assert (missing.code, json.loads(missing.body)["code"]) == (404, "unknown_job")


def settled(jupyter: Jupyter, seconds: float = 90.0, **body: Any) -> dict[str, Any]:
    job: dict[str, Any] = jupyter.api("engines", "POST", {"kind": "mlx-lm"} | body)
    deadline = time.monotonic() + seconds
    while job["state"] == "running":
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
        job = jupyter.api(f"engines/jobs/{job['id']}")
    return job


@pytest.mark.timeout(300)  # pip on a busy machine
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_killed_jupyter_leaves_what_was_in_use(tmp_path: Path, tool: str) -> None:
    index = wheels.index(tmp_path / "wheels", "0.1.0")
    jupyter = Jupyter(
        tmp_path / "user",
        engine=None,
        env=wheels.environment(index),
        options=(
            f"--EngineManager.installer={tool}",
            f"--MLXManager.default_port_start={free_port()}",
        ),
    )
    folder = tmp_path / "user" / "mlx" / "engines" / "mlx-lm"
    with jupyter:
        assert settled(jupyter)["state"] == "done"
        waits = wheels.endless(index, "0.2.0")
        jupyter.api("engines", "POST", {"kind": "mlx-lm", "action": "upgrade"})
        deadline = time.monotonic() + 90
        while not waits.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        jupyter.kill()
        assert list(folder.glob(".new-*")), "it was in the middle"

        jupyter.start()
        used = [each for each in jupyter.api("engines") if each["selected"]]
        assert ("mlx-lm", "0.1.0") in [(each["kind"], each["version"]) for each in used]
        jupyter.api("servers", "POST", {"model": str(make("chat", tmp_path / "m")), "name": "tiny"})
        jupyter.until("tiny", "ready")
        wheels.engine(index, "0.3.0")
        job = settled(jupyter, action="upgrade")
        assert (job["state"], job["version"]) == ("done", "0.3.0"), job
        assert list(folder.glob(".new-*")) == []
        assert end_orphans(folder) == 0, "the killed one's installer is gone"
        assert os.path.realpath(folder / "current") == str(folder / "0.3.0")
    assert started_from(folder) == []
