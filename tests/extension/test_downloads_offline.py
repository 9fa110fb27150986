"""Offline means that the downloads of before ask nobody, either."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

import pytest

from tests.fixtures.hub import FakeHub
from tests.fixtures.jupyter import Jupyter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODEL = "mlx-community/Large-4bit"
SIZE = 2_000_000
SLOWLY = {"bytes_per_second": 100_000}


def until(jupyter: Jupyter, true: Callable[[dict[str, Any]], object]) -> None:
    deadline = time.monotonic() + 40
    while not true(found := jupyter.api("downloads")[0]):
        assert time.monotonic() < deadline, (found, jupyter.log.read_text("utf-8"))
        time.sleep(0.05)


@pytest.mark.parametrize("paused", [False, True])
def test_a_download_of_before_waits_for_the_network(tmp_path: Path, *, paused: bool) -> None:
    with FakeHub() as hub:
        weights = {"size": SIZE, "seed": 3}
        hub.add(MODEL, files={"config.json": "{}", "model.safetensors": weights})
        slow = hub.fault("slow", "model.safetensors", **SLOWLY)
        given = hub.environment(tmp_path / "hf")
        env = {name: value for name, value in given.items() if name.startswith("HF_")}
        with Jupyter(tmp_path, env=env) as jupyter:
            begun = jupyter.api("downloads", "POST", {"model": MODEL})
            hub.until(lambda hub: hub.sent("model.safetensors") > 0)
            if paused:
                jupyter.api(f"downloads/{begun['id']}/pause", "POST")
        hub.clear(slow)
        hub.reset()

        with Jupyter(tmp_path, env=env | {"MLX_MANAGER_OFFLINE_MODE": "1"}) as jupyter:
            if paused:
                with pytest.raises(HTTPError) as refused:
                    jupyter.api(f"downloads/{begun['id']}/resume", "POST")
                assert json.load(refused.value)["code"] == "offline"
                refused.value.close()
                assert jupyter.api("downloads")[0]["state"] == "paused"
            else:
                until(jupyter, lambda it: it["error"] and it["error"]["code"] == "offline")
        assert hub.log() == []

        with Jupyter(tmp_path, env=env) as jupyter:
            if paused:
                jupyter.api(f"downloads/{begun['id']}/resume", "POST")
            until(jupyter, lambda it: it["state"] == "done")
