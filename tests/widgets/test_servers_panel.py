"""The panel's Python half: what it tells its view, and what the view may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.client.live import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.live import Jupyter
    from tests.notebook.kernel import Kernel


class Panel:
    """A panel in the kernel, seen as its view sees it."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        cell = kernel.ok("panel = mlx.ServersPanel(); panel")
        (opened,) = [
            message["content"]
            for message in cell.messages
            if message["msg_type"] == "comm_open"
            and "servers" in message["content"]["data"]["state"].get("_esm", "")
        ]
        self.id: str = opened["comm_id"]
        self.traits: dict[str, Any] = opened["data"]["state"]
        for message in cell.messages:
            self.take(message)

    def take(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Follow the traits; return a custom message to the view."""
        content = message["content"]
        if message["msg_type"] != "comm_msg" or content["comm_id"] != self.id:
            return None
        self.traits |= content["data"].get("state", {})
        custom: dict[str, Any] | None = content["data"].get("content")
        return custom

    def ask(self, **command: Any) -> dict[str, Any]:
        self.kernel.comm(self.id, command)
        answers: list[dict[str, Any]] = []

        def answered(message: dict[str, Any]) -> bool:
            custom = self.take(message)
            if custom and custom["id"] == command["id"]:
                answers.append(custom)
            return bool(answers)

        self.kernel.heard(answered)
        return answers[0]

    def until(self, **wanted: str) -> None:
        """Wait for servers in these states."""

        def there(message: dict[str, Any]) -> bool:
            self.take(message)
            return self.states == wanted

        if self.states != wanted:
            self.kernel.heard(there)

    @property
    def states(self) -> dict[str, str]:
        servers = self.traits["state"].get("servers", ())
        return {server["name"]: server["state"] for server in servers}


@pytest.fixture
def panel(kernel: Kernel) -> Iterator[Panel]:
    yield Panel(kernel)
    kernel.ok("panel.close()")


def test_the_state_follows_what_happens(jupyter: Jupyter, panel: Panel) -> None:
    jupyter.serve("tiny")
    panel.until(tiny="ready")
    state = panel.traits["state"]
    assert state["connection"] == "live"
    assert state["problem"] is None
    assert state["hardware"]["memory_bytes"] > 0
    assert state["gateway_url"].endswith("/v1")
    jupyter.stop_all()
    panel.until()


def test_the_view_may_ask(jupyter: Jupyter, panel: Panel) -> None:
    jupyter.serve("tiny")
    assert panel.ask(id="1", command="ping") == {"id": "1", "ok": True, "result": None}
    logs = panel.ask(id="2", command="logs", name="tiny", lines=3)
    assert logs["ok"]
    assert 0 < len(logs["result"]["lines"]) <= 3
    assert panel.ask(id="3", command="restart", name="tiny")["result"]["name"] == "tiny"
    panel.until(tiny="ready")
    assert panel.ask(id="4", command="stop", name="tiny") == {"id": "4", "ok": True, "result": None}
    panel.until()


def test_a_failed_command_says_why(panel: Panel) -> None:
    answer = panel.ask(id="1", command="stop", name="nobody")
    assert answer["ok"] is False
    assert answer["problem"]["code"] == "unknown_server"
    assert panel.ask(id="2", command="dance")["problem"]["code"] == "bad_request"


def test_the_panel_is_live_while_a_cell_runs(jupyter: Jupyter, panel: Panel) -> None:
    jupyter.serve("tiny", tokens=["word "] * 30, token_seconds=0.1)
    panel.until(tiny="ready")
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
    until(lambda: kernel.value(running) == "False")
    assert kernel.value(names) == "0"


def test_unknown_arguments_are_refused(kernel: Kernel) -> None:
    cell = kernel.run("mlx.ServersPanel(colour='red')")
    assert cell.reply["ename"] == "TypeError"
    assert "colour" in cell.reply["evalue"]
