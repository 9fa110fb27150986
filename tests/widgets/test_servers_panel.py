"""The panel's Python half: what it tells its view, and what the view may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.client import live
from tests.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.live import Jupyter
    from tests.notebook.kernel import Kernel


def states(state: dict[str, Any]) -> dict[str, str]:
    return {server["name"]: server["state"] for server in state.get("servers", ())}


def until(panel: Panel, **wanted: str) -> None:
    """Wait for servers in these states."""
    panel.until(lambda state: states(state) == wanted)


@pytest.fixture
def panel(kernel: Kernel) -> Iterator[Panel]:
    yield Panel(kernel, "mlx.ServersPanel()", "servers")
    kernel.ok("panel.close()")


def test_the_state_follows_what_happens(jupyter: Jupyter, panel: Panel) -> None:
    jupyter.serve("tiny")
    until(panel, tiny="ready")
    state = panel.traits["state"]
    assert state["connection"] == "live"
    assert state["problem"] is None
    assert state["hardware"]["memory_bytes"] > 0
    assert state["gateway_url"].endswith("/v1")
    jupyter.stop_all()
    until(panel)


def test_the_view_may_ask(jupyter: Jupyter, panel: Panel) -> None:
    jupyter.serve("tiny")
    assert panel.ask("ping") == {"ok": True, "result": None}
    assert 0 < len(panel.result("logs", name="tiny", lines=3)["lines"]) <= 3
    assert panel.result("restart", name="tiny")["name"] == "tiny"
    until(panel, tiny="ready")
    assert panel.ask("stop", name="tiny") == {"ok": True, "result": None}
    until(panel)


def test_a_failed_command_says_why(panel: Panel) -> None:
    answer = panel.ask("stop", name="nobody")
    assert answer["ok"] is False
    assert answer["problem"]["code"] == "unknown_server"
    assert panel.ask("dance")["problem"]["code"] == "bad_request"
    assert panel.ask("stop")["problem"]["code"] == "bad_request"


def test_the_panel_is_live_while_a_cell_runs(jupyter: Jupyter, panel: Panel) -> None:
    jupyter.serve("tiny", tokens=["word "] * 30, token_seconds=0.1)
    until(panel, tiny="ready")
    rates: list[float] = []

    def note(message: dict[str, Any]) -> None:
        panel.take(message)
        metrics = panel.traits["state"]["metrics"] or {"servers": {}}
        load = metrics["servers"].get("tiny", {})
        rates.append(load.get("tokens_per_second", 0.0))

    panel.kernel.run("%%mlx_chat tiny\nTalk!", note)
    assert max(rates) > 0


def test_one_thread_feeds_all_and_ends_with_the_last(kernel: Kernel) -> None:
    running = "shared_feed().is_running"
    kernel.ok(
        "from mlx_manager_jupyter.client.feed import shared_feed\n"
        "import threading\n"
        "panels = [mlx.ServersPanel() for _ in range(3)]"
    )
    names = "[t.name for t in threading.enumerate()].count('mlx-manager-feed')"
    assert kernel.value(names) == "1"
    kernel.ok("for panel in panels: panel.close()")
    live.until(lambda: kernel.value(running) == "False")
    assert kernel.value(names) == "0"


def test_unknown_arguments_are_refused(kernel: Kernel) -> None:
    cell = kernel.run("mlx.ServersPanel(colour='red')")
    assert cell.reply["ename"] == "TypeError"
    assert "colour" in cell.reply["evalue"]
