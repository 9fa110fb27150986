"""The *Running* section: what its rows offer, in the sidebar and in a cell, to keyboards too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.e2e.lab import Servers, output
from tests.e2e.truth import is_gone, models_at, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.lab import Lab
    from tests.fixtures.jupyter import Jupyter

pytestmark = [pytest.mark.e2e, pytest.mark.engine]


def test_a_row_copies_the_url_shows_the_log_and_restarts(
    lab: Lab, jupyter: Jupyter, assistant: dict[str, Any], notebook: Callable[..., Path]
) -> None:
    lab.open(notebook("1").name)
    panel = lab.open_panel()
    row = panel.expect("assistant", "ready")
    expect(row).to_contain_text(f":{assistant['port']}")
    expect(row).to_contain_text("tiny-slow · mlx-lm · up ")
    expect(row).to_contain_text(re.compile(r"\d+\sMB"))

    panel.press("assistant", "Copy base URL")
    expect(row).to_contain_text("Copied")
    url = lab.page.evaluate("navigator.clipboard.readText()")
    key = jupyter.api("keys", "POST", {"label": "test"})["secret"]
    assert models_at(url, key)[0] == "assistant"  # what could be started comes after it

    panel.press("assistant", "Logs")
    expect(lab.page.locator(".lm-TabBar-tab.jp-mod-current")).to_contain_text("assistant log")
    expect(lab.page.get_by_label("Log of assistant")).to_contain_text("Starting httpd at 127.0.0.1")

    panel.press("assistant", "Restart")
    until(lambda: is_gone(assistant["pid"]))
    restarted = jupyter.until("assistant", "ready")
    assert restarted["pid"] != assistant["pid"]
    panel.expect("assistant", "ready")


def test_insert_cell_puts_a_ready_chat_below_the_active_cell(
    lab: Lab, assistant: dict[str, Any], notebook: Callable[..., Path]
) -> None:
    lab.open(notebook("%load_ext mlx_manager_jupyter", "'the last one'").name)
    panel = lab.open_panel()
    lab.run(lab.cell("%load_ext"))
    lab.wait_for_kernel()  # with it JupyterLab moves the focus back, faster than any hand
    panel.press(assistant["name"], "Insert")
    expect(lab.cells).to_have_count(3)
    inserted = lab.cells.nth(1)
    expect(inserted.locator(".cm-content")).to_contain_text("%%mlx_chat --model assistant")
    # The cursor stands where the question goes.
    lab.page.keyboard.insert_text("Count!")
    lab.page.keyboard.press("Control+Enter")
    expect(lab.wait_for_cell(inserted)).to_contain_text("one two three four")


def test_a_failed_start_says_why_and_can_be_tried_again_or_dismissed(
    lab: Lab, jupyter: Jupyter, notebook: Callable[..., Path]
) -> None:
    lab.open(notebook("1").name)
    panel = lab.open_panel()
    jupyter.api("servers", "POST", {"profile": "broken"})
    row = panel.expect("broken", "failed")
    expect(row).to_contain_text("does not know models of type 'nosuch'. Upgrade it (pip install")
    # Nothing of it holds memory: it does not count as running.
    expect(lab.status).to_have_text(re.compile("MLX *idle"))

    panel.press("broken", "Logs")
    expect(lab.page.get_by_label("Log of broken")).to_contain_text(
        "Model type nosuch not supported"
    )

    panel.press("broken", "Try to start broken again")
    expect(panel.row("broken")).to_have_attribute("data-state", re.compile("starting|loading"))
    panel.expect("broken", "failed")

    panel.press("broken", "Dismiss")
    panel.expect_gone("broken")
    assert jupyter.api("servers") == []


def test_two_tabs_show_the_same(
    new_tab: Callable[[], Lab], jupyter: Jupyter, notebook: Callable[..., Path]
) -> None:
    name = notebook("1").name
    tabs = [new_tab(), new_tab()]
    for tab in tabs:
        tab.open(name)
    one, other = [tab.open_panel() for tab in tabs]
    jupyter.api("servers", "POST", {"profile": "smollm2", "name": "shared"})
    for panel in (one, other):
        panel.expect("shared", "ready")
    other.press("shared", "Stop")
    for panel in (one, other):
        panel.expect_gone("shared")


def test_the_keyboard_reaches_every_button(
    lab: Lab, assistant: dict[str, Any], notebook: Callable[..., Path]
) -> None:
    lab.open(notebook("1").name)
    panel = lab.open_panel()
    panel.expect("assistant", "ready")
    panel.root.get_by_role("button", name="Settings").focus()
    focused = panel.root.locator(":focus")
    reached = []
    for _ in range(5):
        lab.page.keyboard.press("Tab")
        reached.append(focused.get_attribute("aria-label"))
    assert reached == [
        "Insert cell to chat with assistant",
        "Copy base URL for assistant",
        "Logs of assistant",
        "Restart assistant",
        "Stop assistant",
    ]
    lab.page.keyboard.press("Enter")
    panel.expect_gone("assistant")
    until(lambda: is_gone(assistant["pid"]))
    # Whoever lives by the keyboard is not thrown back to the top of the page.
    expect(panel.root.get_by_role("heading", name="Running")).to_be_focused()


def test_the_same_view_in_a_cell(
    lab: Lab, assistant: dict[str, Any], notebook: Callable[..., Path]
) -> None:
    lab.open(notebook("import mlx_manager_jupyter as mlx\nmlx.ServersPanel()").name)
    sidebar = lab.open_panel()
    cell = lab.cell("ServersPanel")
    lab.run(cell)
    widget = Servers(output(cell))
    for row in (sidebar.expect("assistant", "ready"), widget.expect("assistant", "ready")):
        expect(row).to_contain_text(f":{assistant['port']}")
        expect(row).to_contain_text("tiny-slow · mlx-lm · up ")
    assert widget.rows.count() == sidebar.rows.count() == 1

    # It has no tab to open, so the log unfolds in place.
    widget.press("assistant", "Logs")
    expect(widget.root.get_by_label("Log of assistant")).to_contain_text("Starting httpd")

    widget.press("assistant", "Stop")
    widget.expect_gone("assistant")
    sidebar.expect_gone("assistant")
    until(lambda: is_gone(assistant["pid"]))
