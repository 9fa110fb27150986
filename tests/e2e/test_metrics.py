"""The figures over time: what the gateway counts is drawn, told in words, and summed up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from playwright.sync_api import expect

from tests.e2e.lab import SLOW_MS, output
from tests.e2e.test_profiles import AXE, FINDINGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator

    from tests.e2e.lab import Lab
    from tests.fixtures.jupyter import Jupyter

pytestmark = [pytest.mark.e2e, pytest.mark.engine]

TAB = ".mlxm-metrics-tab"
#: Pixels of a chart that are not empty: a frame and words alone are fewer than with a line.
DRAWN = """canvas => {
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    return width > 0 && data.some((value, index) => index % 4 === 3 && value > 0);
}"""


def ask(jupyter: Jupyter) -> None:
    """Ask the assistant through the gateway."""
    key = jupyter.api("keys", "POST", {"label": "test"})["secret"]
    url = jupyter.api("status")["gateway_url"]
    httpx2.post(
        f"{url}/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json={"model": "assistant", "messages": [{"role": "user", "content": "Go on."}]},
        timeout=60,
    ).raise_for_status()


def figure(root: Locator, name: str, kind: str) -> Locator:
    return root.locator(f"tr[data-name='{name}'] td[data-figure={kind}]")


def expect_drawn(root: Locator) -> None:
    for chart in ("rate", "memory", "first_token"):
        canvas = root.locator(f"[data-chart={chart}] canvas")
        expect(canvas).to_be_visible(timeout=SLOW_MS)
        assert canvas.evaluate(DRAWN)
    expect(root.locator("[data-chart=rate][data-empty=false]")).to_be_visible()


def test_a_tab_draws_what_runs_and_says_it_in_words(
    lab: Lab, jupyter: Jupyter, assistant: dict[str, Any], notebook: Callable[..., Path]
) -> None:
    lab.open(notebook("1").name)
    panel = lab.open_panel()
    ask(jupyter)
    panel.root.get_by_role("button", name="Metrics").click()
    tab = lab.page.locator(TAB)
    expect_drawn(tab)
    counted = jupyter.api("metrics/now")["servers"][assistant["name"]]
    assert counted["requests"] >= 1
    for name in ("requests", "tokens"):  # other tests may have asked it, too
        expect(figure(tab, assistant["name"], name)).to_have_text(f"{counted[name]:,}")
    expect(figure(tab, assistant["name"], "first_token")).to_have_text(re.compile(r"\d.*s / .*s"))
    expect(lab.status).to_contain_text("1")

    tab.get_by_role("radio", name="24 h").or_(tab.get_by_role("button", name="24 h")).click()
    expect_drawn(tab)
    slider = tab.get_by_role("slider", name="Memory over time")
    slider.focus()
    lab.page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"\d:\d\d.*assistant"))

    lab.page.evaluate(AXE.read_text("utf-8"))
    assert lab.page.evaluate(FINDINGS) == []


def test_a_widget_draws_the_same_in_a_cell(
    lab: Lab, jupyter: Jupyter, assistant: dict[str, Any], notebook: Callable[..., Path]
) -> None:
    ask(jupyter)
    lab.open(notebook("import mlx_manager_jupyter as mlx\nmlx.MetricsPanel()").name)
    cell = lab.cell("MetricsPanel")
    lab.run(cell)
    expect_drawn(output(cell))
    expect(figure(output(cell), assistant["name"], "requests")).to_have_text(re.compile(r"[1-9]"))
