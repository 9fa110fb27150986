"""The *Keys* section: a key made in the sidebar opens the gateway, until it is revoked there."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.error import HTTPError

import pytest
from playwright.sync_api import expect

from tests.e2e.truth import KEY, models_at, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.lab import Lab
    from tests.fixtures.jupyter import Jupyter

pytestmark = [pytest.mark.e2e, pytest.mark.engine]


def test_a_key_opens_the_gateway_until_it_is_revoked(
    lab: Lab, jupyter: Jupyter, notebook: Callable[..., Path]
) -> None:
    lab.open(notebook("1").name)
    keys = lab.open_panel().root.locator(".mlxm-section[data-kind=keys]")
    title = keys.get_by_role("button", name="Keys", exact=True)
    expect(title).to_have_attribute("aria-expanded", "false")

    keys.get_by_role("button", name="New key").click()
    form = keys.get_by_role("form", name="New key")
    expect(form.get_by_label("Label")).to_be_focused()
    lab.page.keyboard.type("my editor")
    form.get_by_label("Ends after").select_option("1 day")
    form.get_by_label("smollm2").check()
    lab.page.keyboard.press("Enter")

    field = keys.get_by_label("Secret of my editor")
    expect(field).to_be_focused()
    secret = field.input_value()
    assert KEY.fullmatch(secret)
    keys.get_by_role("button", name="Copy the secret").click()
    expect(keys).to_contain_text("Copied")
    assert lab.page.evaluate("navigator.clipboard.readText()") == secret
    keys.get_by_role("button", name="Done").click()
    expect(field).to_have_count(0)

    row = keys.get_by_role("listitem", name="my editor")
    expect(row).to_contain_text(re.compile(r"smollm2ends\sin\s\d+\s[hd]"))
    expect(row).to_contain_text("never used")
    base_url = f"{jupyter.url}mlx-manager/v1"
    assert models_at(base_url, secret) == ["smollm2"]

    row.get_by_role("button", name="Revoke my editor").click()
    # The keyboard is on the way out of the question.
    expect(row.get_by_role("button", name="Keep")).to_be_focused()
    row.get_by_role("button", name="Revoke", exact=True).click()
    expect(row).to_have_count(0)
    until(lambda: _is_refused(base_url, secret))
    assert "my editor" not in [key["label"] for key in jupyter.api("keys")]


def _is_refused(base_url: str, secret: str) -> bool:
    try:
        models_at(base_url, secret)
    except HTTPError as refusal:
        with refusal:
            return refusal.code == HTTPStatus.UNAUTHORIZED
    return False
