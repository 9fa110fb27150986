"""Jupyter dies and comes back while a page is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.e2e.lab import SLOW_MS
from tests.e2e.truth import is_gone, until
from tests.fixtures.jupyter import runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.lab import Lab
    from tests.fixtures.jupyter import Jupyter

pytestmark = [pytest.mark.e2e, pytest.mark.engine]


def test_the_panel_survives_a_crash_of_jupyter_and_finds_the_same_server_again(
    lab: Lab, jupyter: Jupyter, assistant: dict[str, Any], notebook: Callable[..., Path]
) -> None:
    lab.open(notebook("1").name)
    panel = lab.open_panel()
    panel.expect("assistant", "ready")

    lab.ignore_dialogs()
    jupyter.kill()
    banner = panel.root.get_by_text("Reconnecting")
    expect(banner).to_be_visible()
    expect(lab.status).to_contain_text("reconnecting")
    # What was known stays in sight, and the model runs on.
    expect(panel.row("assistant", "ready")).to_be_visible()
    assert runs(assistant["pid"])

    jupyter.start()
    expect(banner).to_have_count(0, timeout=SLOW_MS)
    expect(lab.status).to_contain_text("1 running")
    panel.expect("assistant", "ready")
    assert jupyter.until("assistant", "ready")["pid"] == assistant["pid"]

    # While Jupyter was gone, requests failed: the browser says so, by itself.
    lab.complaints.clear()
    panel.press("assistant", "Stop")
    panel.expect_gone("assistant")
    until(lambda: is_gone(assistant["pid"]))
