"""Talking to a model from a cell: interrupting it, and what is kept."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.e2e.lab import output
from tests.e2e.truth import has_secrets, is_idle, load_of, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.lab import Lab
    from tests.fixtures.jupyter import Jupyter

pytestmark = [pytest.mark.e2e, pytest.mark.engine]


def test_an_interrupt_keeps_what_came_and_ends_the_work(
    lab: Lab, jupyter: Jupyter, assistant: dict[str, Any], notebook: Callable[..., Path]
) -> None:
    path = notebook(
        "%load_ext mlx_manager_jupyter",
        "%%mlx_chat assistant --max-tokens 3000\nTell me a story.",
    )
    lab.open(path.name)
    lab.run(lab.cell("%load_ext"))
    chat = lab.cell("Tell me a story.")
    lab.start(chat)
    expect(output(chat).locator(".mlxm-chat-text")).to_contain_text("four five six seven")
    assert load_of(jupyter, "assistant")["in_flight"] == 1

    lab.execute("notebook:interrupt-kernel")
    answer = lab.wait_for_cell(chat).locator(".jp-RenderedMarkdown")
    expect(answer).to_contain_text("one two three four five six seven")
    expect(answer).to_contain_text("(interrupted)")
    expect(output(chat).locator(".mlxm-chat-text")).to_have_count(0)
    assert load_of(jupyter, "assistant")["in_flight"] == 0
    until(lambda: is_idle(assistant["pid"]))

    # The partial answer is in the file, as Markdown, with where it came from.
    lab.save()
    assert not has_secrets(path, jupyter)
    saved = json.loads(path.read_text("utf-8"))
    (markdown,) = (
        each for each in saved["cells"][1]["outputs"] if "text/markdown" in each.get("data", {})
    )
    assert "".join(markdown["data"]["text/markdown"]).startswith("one two three")
    assert markdown["metadata"]["mlx_manager_jupyter"]
    assert "widgets" not in saved["metadata"]

    # And the model is free for the next question.
    lab.reload()
    expect(answer).to_contain_text("one two three four five six seven")
    chat.locator(".cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.insert_text("%%mlx_chat assistant --max-tokens 5\nAnd now?")
    again = lab.run(lab.cell("And now?")).locator(".jp-RenderedMarkdown")
    expect(again).to_have_text(re.compile(r"one two three four five\s+assistant · \d+ → 5 tokens"))
