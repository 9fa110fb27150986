"""The *Profiles* section and a profile's form as their user sees them, wherever they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator


class Profiles:
    """A row for each profile."""

    def __init__(self, root: Locator) -> None:
        self.root = root.locator(".mlxm-section[data-kind=profiles]")

    @property
    def rows(self) -> Locator:
        return self.root.locator("li[data-name]")

    def row(self, name: str) -> Locator:
        return self.root.locator(f"li[data-name='{name}']")

    def press(self, name: str, button: str) -> None:
        """Press one of a row's buttons, by how its label begins."""
        self.row(name).get_by_role("button", name=re.compile(f"^{button}")).click()

    def more(self, name: str, button: str) -> None:
        """Unfold a row, and press a button of what comes to sight."""
        self.press(name, "More about")
        self.press(name, button)


class Form:
    """The form that is in sight."""

    def __init__(self, root: Locator) -> None:
        self.root = root.locator("form.mlxm-form:visible")

    def field(self, name: str) -> Locator:
        return self.root.locator(f"[data-field='{name}']")

    def control(self, name: str) -> Locator:
        return self.field(name).locator("input, select, textarea").first

    def unfold(self, section: str) -> None:
        title = self.root.get_by_role("button", name=re.compile(f"^{section}"))
        if title.get_attribute("aria-expanded") == "false":
            title.click()
        expect(title).to_have_attribute("aria-expanded", "true")

    def fold(self, section: str) -> None:
        title = self.root.get_by_role("button", name=re.compile(f"^{section}"))
        if title.get_attribute("aria-expanded") == "true":
            title.click()
        expect(title).to_have_attribute("aria-expanded", "false")

    def type(self, name: str, text: str) -> None:
        """Type key by key, as people do."""
        self.control(name).fill("")
        self.control(name).press_sequentially(text)

    @property
    def status(self) -> Locator:
        """How things stand: the line beside the buttons."""
        return self.root.locator(".mlxm-form-status")

    def press(self, button: str) -> None:
        self.root.get_by_role("button", name=button, exact=True).click()
