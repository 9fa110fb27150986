"""Real engines from the package index, and mlx-openai-server: asked for by name, see below.

``-m install`` needs a network, some minutes and 2 GB of disk. ``-m openai_server`` needs an
environment with mlx-openai-server, made as docs/engine-environments.md tells; its program is named
by ``MLX_TEST_OPENAI_SERVER``.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.extension.test_engines import settled
from tests.fixtures.jupyter import Jupyter, free_port, started_from
from tests.fixtures.models import SAYS, make

if TYPE_CHECKING:
    from pathlib import Path

#: Two releases that both have every flag that we use.
OLD, NEW = "0.31.3", "0.32.2"


def ask(jupyter: Jupyter, server: str, **more: Any) -> dict[str, Any]:
    """One question through the gateway; the answer's message, usage and all."""
    connection = json.loads(jupyter.connection_file.read_text("utf-8"))
    key = jupyter.api("keys", "POST", {"label": "test"})["secret"]
    body = {"model": server, "messages": [{"role": "user", "content": "Hello"}], **more}
    request = urllib.request.Request(  # noqa: S310  loopback
        f"{connection['url']}v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310  loopback
        answer: dict[str, Any] = json.loads(response.read())
        return answer


def ports() -> str:
    """Where nothing else of this machine looks for ports: engines bind seconds after the choice."""
    return f"--MLXManager.default_port_start={free_port()}"


def said(answer: dict[str, Any]) -> str:
    return str(answer["choices"][0]["message"]["content"])


@pytest.mark.install
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_mlx_lm_installed_upgraded_and_rolled_back(tmp_path: Path, tool: str) -> None:
    model = make("chat", tmp_path / "tiny")
    options = (f"--EngineManager.installer={tool}", ports())
    with Jupyter(tmp_path / "user", engine=None, options=options) as jupyter:

        def does(**body: Any) -> str:
            began = time.monotonic()
            job = settled(jupyter, seconds=600, **body)
            assert job["state"] == "done", job
            print(f"{tool} {body}: {job['version']} after {time.monotonic() - began:.1f} s")
            return str(job["version"])

        def serve(name: str) -> dict[str, Any]:
            jupyter.api("servers", "POST", {"model": str(model), "name": name})
            server = jupyter.until(name, "ready", 120)
            print(f"{server['engine_version']} ready after {server['ready_seconds']:.1f} s")
            return server

        assert does(version=OLD) == OLD
        assert serve("old")["engine_version"] == OLD
        assert does(action="upgrade", version=NEW) == NEW
        assert serve("new")["engine_version"] == NEW
        for name in ("old", "new"):
            assert said(ask(jupyter, name, max_tokens=64, temperature=0)) == SAYS["chat"]
        assert does(action="rollback") == OLD
        assert serve("again")["engine_version"] == OLD
        for name in ("old", "new", "again"):
            jupyter.api(f"servers/{name}", "DELETE")
        does(action="remove")
    assert started_from(tmp_path) == []


@pytest.mark.install
@pytest.mark.timeout(1200)
def test_mlx_vlm_installed_and_served_from(tmp_path: Path) -> None:
    model = make("chat", tmp_path / "tiny")
    with Jupyter(tmp_path / "user", engine=None, options=(ports(),)) as jupyter:
        began = time.monotonic()
        job = settled(jupyter, seconds=900, kind="mlx-vlm")
        assert job["state"] == "done", job
        print(f"mlx-vlm {job['version']} after {time.monotonic() - began:.1f} s")
        asked = {"model": str(model), "name": "tiny", "engine": "mlx-vlm"}
        jupyter.api("servers", "POST", asked)
        server = jupyter.until("tiny", "ready", 180)
        assert server["engine_version"] == job["version"]
        assert said(ask(jupyter, "tiny", max_tokens=64, temperature=0)) == SAYS["chat"]
        jupyter.api("servers/tiny", "DELETE")
    assert started_from(tmp_path) == []


@pytest.mark.openai_server
@pytest.mark.timeout(600)
def test_mlx_openai_server_for_real(tmp_path: Path) -> None:
    program = os.environ["MLX_TEST_OPENAI_SERVER"]
    model = make("chat", tmp_path / "tiny")
    paths = f"--MLXManager.engine_paths=mlx-openai-server={program}"
    with Jupyter(tmp_path / "user", engine=None, options=(paths, ports())) as jupyter:
        (engine,) = [
            each
            for each in jupyter.api("engines")
            if each["kind"] == "mlx-openai-server" and each["selected"]
        ]
        assert engine["problem"] is None
        print(f"mlx-openai-server {engine['version']}: {', '.join(engine['fields'])}")
        asked = {"model": str(model), "name": "tiny", "engine": "mlx-openai-server"}
        jupyter.api("servers", "POST", asked | {"set": {"max_tokens": 64, "temperature": 0}})
        server = jupyter.until("tiny", "ready", 180)
        print(f"ready after {server['ready_seconds']:.1f} s")
        began = time.monotonic()
        answer = ask(jupyter, "tiny")
        assert said(answer) == SAYS["chat"]
        assert answer["usage"]["completion_tokens"] > 5
        print(f"answered after {time.monotonic() - began:.2f} s: {answer['usage']}")
        parent = psutil.Process(server["pid"])
        family = [parent, *parent.children(recursive=True)]
        held = sum(each.memory_info().rss for each in family)
        print(f"{len(family)} processes hold {held / 2**20:.0f} MB")
        began = time.monotonic()
        jupyter.api("servers/tiny", "DELETE")
        print(f"stopped after {time.monotonic() - began:.2f} s")
        assert not any(each.is_running() for each in family)
        # A folder that it can't load ends it with exit code 0: a failure all the same.
        broken = make("chat", tmp_path / "broken")
        (broken / "config.json").write_text(
            (broken / "config.json").read_text().replace('"llama"', '"nosuch"')
        )
        jupyter.api("servers", "POST", asked | {"model": str(broken), "name": "broken"})
        failed = jupyter.until("broken", "failed", 180)
        print(f"failed: {failed['error']['code']}: {failed['error']['message']}")
        assert failed["error"]["code"] == "unsupported_model", failed["error"]
    assert started_from(tmp_path) == []
