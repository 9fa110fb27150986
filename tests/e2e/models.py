"""The *Models* section as its user sees it, wherever it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.e2e.lab import SLOW_MS

if TYPE_CHECKING:
    from playwright.sync_api import Locator


class Models:
    """Search, filters, and a row for each model or download."""

    def __init__(self, root: Locator) -> None:
        self.root = root.locator(".mlxm-section[data-kind=models]")

    @property
    def rows(self) -> Locator:
        return self.root.locator("li[data-name]")

    def row(self, model: str) -> Locator:
        return self.root.locator(f"li[data-name='{model}']")

    def look_at(self, place: str) -> None:
        """Choose between *On this machine* and *Hugging Face*."""
        choice = self.root.get_by_role("radio", name=place)
        choice.click()
        expect(choice).to_be_checked()

    def type(self, words: str) -> None:
        """Search for words, key by key."""
        box = self.root.get_by_role("searchbox")
        box.fill("")
        box.press_sequentially(words)

    def toggle(self, chip: str) -> None:
        self.root.get_by_role("button", name=chip, exact=True).click()

    def press(self, model: str, button: str) -> None:
        """Press one of a row's buttons, by how its label begins."""
        self.row(model).get_by_role("button", name=re.compile(f"^{button}")).first.click()

    def expect_first(self, model: str) -> Locator:
        expect(self.rows.first).to_have_attribute("data-name", model)
        return self.rows.first

    def expect_text(self, model: str, text: str | re.Pattern[str]) -> Locator:
        row = self.row(model)
        expect(row).to_contain_text(text, timeout=SLOW_MS)
        return row
