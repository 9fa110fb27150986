"""Neighbours to be measured beside us, installed on demand into folders of the environment."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fixtures.jupyter import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACE = Path(sys.prefix) / "bench-peers"
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "install")
START_SECONDS = 120


@cache
def jupyter_server_proxy() -> Path | None:
    """A folder for ``PYTHONPATH`` that holds it, beside our own jupyter-server and aiohttp."""
    folder = PLACE / "jupyter-server-proxy"
    wanted = ("jupyter-server-proxy>=4.4", "simpervisor")
    if not (folder / "jupyter_server_proxy").is_dir():
        done = subprocess.run([sys.executable, *PIP, "--no-deps", "--target", str(folder), *wanted])
        return folder if done.returncode == 0 else None
    return folder


@contextmanager
def litellm(folder: Path, engine_port: int) -> Iterator[tuple[str, str] | None]:
    """URL and key of LiteLLM's proxy before the engine; None where it can't be installed."""
    command = _litellm()
    if command is None:
        yield None
        return
    engine = {
        "model": "openai/default_model",
        "api_base": f"http://127.0.0.1:{engine_port}/v1",
        "api_key": "none",
    }
    config = folder / "litellm.json"  # JSON is YAML
    models = [{"model_name": "bench", "litellm_params": engine}]
    config.write_text(json.dumps({"model_list": models}))
    port = free_port()
    argv = [str(command), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    url = f"http://127.0.0.1:{port}/"
    key = f"sk-{secrets.token_hex(32)}"  # it refuses weak ones
    env = {**os.environ, "LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with (folder / "litellm.log").open("wb") as log:
        process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _answers(f"{url}health/liveliness"):
                assert process.poll() is None, (folder / "litellm.log").read_text("utf-8")
                assert time.monotonic() < deadline, "LiteLLM does not start"
                time.sleep(0.2)
            yield url, key
        finally:
            process.terminate()
            process.wait(30)


@cache
def _litellm() -> Path | None:
    """LiteLLM's command, in an environment of its own since its pins are many."""
    folder = PLACE / "litellm"
    command = folder / "bin" / "litellm"
    if not command.exists():
        python = str(folder / "bin" / "python")
        for argv in (
            (sys.executable, "-m", "venv", str(folder)),
            (python, *PIP, "litellm[proxy]"),
        ):
            if subprocess.run(argv).returncode:
                return None
    return command


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310  loopback
            return True
    except (urllib.error.URLError, ConnectionError):
        return False
