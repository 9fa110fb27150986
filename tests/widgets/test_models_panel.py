"""The panels of models and downloads: every command of their views, against a real extension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.notebook.conftest import QWEN, TINY
from tests.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.live import Jupyter
    from tests.fixtures.hub import FakeHub
    from tests.notebook.kernel import Kernel


@pytest.fixture(autouse=True)
def clean(jupyter: Jupyter, hub: FakeHub) -> Iterator[None]:
    yield
    hub.clear()
    jupyter.stop_all()
    jupyter.remove_all()


@pytest.fixture
def panel(kernel: Kernel) -> Iterator[Panel]:
    yield Panel(kernel, "mlx.ModelsPanel()", "models")
    kernel.ok("panel.close()")


def download_states(state: dict[str, Any]) -> list[str]:
    return [download["state"] for download in state.get("downloads", ())]


def test_the_view_searches_and_asks_for_details(panel: Panel) -> None:
    assert panel.traits["source"] == "local"
    page = panel.result("models", query={"source": "hub", "q": "qwen3 8b", "bits": [4]})
    assert page["models"][0]["id"] == QWEN
    assert page["total"] == 2
    assert panel.result("models", query={})["models"] == []
    model = panel.result("model", id=TINY)
    assert model["files"]
    assert model["size_bytes"] > 0
    fit = panel.result("fit", id=TINY, context_length=4096)
    assert (fit["context_length"], fit["concurrency"]) == (4096, 1)
    assert panel.result("fit", id=TINY, concurrency=4)["concurrency"] == 4


def test_a_model_comes_is_served_checked_and_goes(panel: Panel, jupyter: Jupyter) -> None:
    asked = panel.result("download", wanted={"model": TINY})
    assert asked["model"] == TINY
    panel.until(lambda state: download_states(state) == ["done"])
    panel.until(lambda state: state["library"]["models"] == 1)
    assert panel.result("verify", id=TINY)["ok"]
    server = panel.result("serve", model=TINY)
    assert server["model"] == TINY
    refused = panel.ask("delete_model", id=TINY)
    assert refused["problem"]["code"] == "model_in_use"
    jupyter.stop_all()
    assert panel.result("delete_model", id=TINY)["freed_bytes"] > 0
    assert panel.result("prune")["models"] == []
    panel.until(lambda state: state["library"]["models"] == 0)


def test_the_catalogue_is_read_again_on_demand(panel: Panel) -> None:
    panel.result("models", query={"source": "hub"})
    before = panel.traits["state"]["catalogue"]["synced_at"]
    assert panel.result("sync")["state"] == "syncing"
    panel.until(lambda state: state["catalogue"]["synced_at"] != before)


@pytest.mark.parametrize(
    ("command", "parameters", "code"),
    [
        ("models", {}, "invalid_value"),
        ("models", {"query": {"bits": "four"}}, "invalid_value"),
        ("models", {"query": {"colour": "red"}}, "invalid_value"),
        ("model", {}, "bad_request"),
        ("fit", {"id": TINY, "context_length": "many"}, "invalid_value"),
        ("download", {"wanted": {}}, "invalid_value"),
        ("download", {"wanted": {"model": "nothing of the kind"}}, "unknown_model"),
        ("pause", {"download_id": "feed"}, "unknown_download"),
        ("verify", {"id": "org/none"}, "unknown_model"),
    ],
)
def test_what_can_not_be_done_is_said(
    panel: Panel, command: str, parameters: dict[str, Any], code: str
) -> None:
    answer = panel.ask(command, **parameters)
    assert answer["ok"] is False
    assert answer["problem"]["code"] == code


def test_downloads_are_paused_resumed_and_cancelled(kernel: Kernel, hub: FakeHub) -> None:
    slow = hub.fault("slow", "model.safetensors", bytes_per_second=20_000)
    panel = Panel(kernel, "mlx.DownloadsPanel()", "downloads")
    try:
        name = panel.result("download", wanted={"model": TINY})["id"]
        panel.until(lambda state: download_states(state) == ["running"])
        panel.until(lambda state: state["downloads"][0]["bytes_done"] > 0)
        assert panel.result("pause", download_id=name)["state"] == "paused"
        panel.until(lambda state: download_states(state) == ["paused"])
        assert panel.result("resume", download_id=name)["state"] in ("queued", "running")
        assert panel.ask("cancel", download_id=name) == {"ok": True, "result": None}
        panel.until(lambda state: download_states(state) == ["cancelled"])
        assert panel.result("cancel", download_id=name) is None
        panel.until(lambda state: download_states(state) == [])
        hub.clear(slow)
    finally:
        kernel.ok("panel.close()")


def test_where_it_looks_at_first_is_one_of_two(kernel: Kernel) -> None:
    kernel.ok("other = mlx.ModelsPanel(source='hub')")
    assert kernel.value("other.source") == "hub"
    kernel.ok("other.close()")
    assert kernel.run("mlx.ModelsPanel(source='moon')").reply["ename"] == "TraitError"
