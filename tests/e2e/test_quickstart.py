"""The story that the README tells, as a person with a browser lives it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.lab import Servers, output, prompt
from tests.e2e.truth import has_secrets, is_gone, until

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.e2e.lab import Lab
    from tests.fixtures.jupyter import Jupyter

pytestmark = [pytest.mark.e2e, pytest.mark.engine, pytest.mark.timeout(240)]

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"


@pytest.fixture
def quickstart(jupyter: Jupyter) -> Path:
    return Path(shutil.copy(QUICKSTART, jupyter.folder / "notebooks" / "quickstart.ipynb"))


def test_the_quick_start(lab: Lab, jupyter: Jupyter, quickstart: Path) -> None:
    lab.open(quickstart.name)
    panel = lab.open_panel()
    expect(panel.root).to_contain_text("No model is running")
    expect(lab.status).to_have_text(re.compile("MLX *idle"))
    lab.run(lab.cell("%load_ext"))

    # Serving: the panel knows before the cell is done.
    serve = lab.cell("%mlx_serve")
    lab.start(serve)
    expect(panel.row("assistant")).to_have_attribute("data-state", re.compile("starting|loading"))
    panel.expect("assistant", "ready")
    expect(lab.wait_for_cell(serve)).to_contain_text(re.compile(r"assistant ready in \d"))
    (server,) = jupyter.api("servers")

    # Asking: the text grows while the cell still runs, and the figures move.
    ask = lab.cell("What is the capital of France?")
    lab.start(ask)
    _see_it_grow(ask)
    expect(panel.row("assistant")).to_contain_text(re.compile(r"[1-9][\d.]*\stok/s"))
    expect(lab.status).to_contain_text(re.compile(r"1 running · [1-9][\d.]*\stok/s"))
    answer = lab.wait_for_cell(ask).locator(".jp-RenderedMarkdown")
    expect(answer).to_contain_text("one two three four")
    expect(answer).to_contain_text(re.compile(r"assistant · \d+ → 100 tokens · .* tok/s"))

    # The rest of the tour, up to the cell that stops the server.
    for cell in _code_after(lab, ask, before="%mlx_stop"):
        lab.run(cell)
    widget = Servers(output(lab.cell("mlx.ServersPanel()")))
    expect(widget.row("assistant", "ready")).to_be_visible()
    expect(lab.page.locator(".jp-OutputArea-output[data-mime-type*=stderr]")).to_have_count(0)

    # What was said stays, for a reader without this page, and nothing that opens a door with it.
    lab.save()
    assert not has_secrets(quickstart, jupyter)
    lab.reload()
    answer = output(lab.cell("What is the capital of France?")).locator(".jp-RenderedMarkdown")
    expect(answer).to_contain_text("one two three four")
    for broken in ("Error displaying widget", "Loading widget"):
        expect(lab.page.get_by_text(broken)).to_have_count(0)

    # Stopped in the sidebar: gone from the page, and as a process.
    panel = lab.open_panel()
    panel.press("assistant", "Stop")
    panel.expect_gone("assistant")
    expect(lab.status).to_have_text(re.compile("MLX *idle"))
    until(lambda: is_gone(server["pid"]))


def _see_it_grow(cell: Locator) -> None:
    text = output(cell).locator(".mlxm-chat-text")
    expect(text).to_contain_text("one")
    first = text.inner_text()
    expect(text).to_contain_text(re.compile(f"^{re.escape(first)}.{{10,}}"))
    expect(prompt(cell)).to_have_text("[*]:")


def _code_after(lab: Lab, first: Locator, before: str) -> list[Locator]:
    cells = lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell").all()
    sources = [cell.locator(".cm-content").inner_text() for cell in cells]
    start = sources.index(first.locator(".cm-content").inner_text())
    end = next(n for n, source in enumerate(sources) if source.startswith(before))
    return cells[start + 1 : end]
