"""Chromium, JupyterLab with the real engine, and one tab for each test."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from playwright.sync_api import sync_playwright

from tests.e2e import notebooks
from tests.e2e.browser import jupyterlab, launch
from tests.e2e.lab import Lab
from tests.fixtures.models import break_model, make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext

    from tests.fixtures.jupyter import Jupyter

#: How the quick-start notebook calls its profile.
PROFILE = "smollm2"
#: Some three seconds of talk, from a model that would never end by itself.
MAX_TOKENS = 100


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """Not here: Playwright's sync API keeps a loop of its own running in this thread."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """Not here: these servers are processes of their own, and end with their fixture."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each module: its loop must not be there when another module's tests run theirs."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """JupyterLab with two profiles: one that works, slowly, and one that no engine can load."""
    folder = tmp_path_factory.mktemp("jupyter")
    models = {
        PROFILE: make("slow", folder / "models" / "tiny-slow"),
        "broken": break_model("bad_type", folder / "models" / "tiny-broken"),
    }
    with jupyterlab(folder, token=secrets.token_hex(16)) as jupyter:
        for name, model in models.items():
            body = {"name": name, "model": str(model), "max_tokens": MAX_TOKENS}
            jupyter.api("profiles", "POST", body)
        yield jupyter
    assert _engines_of(folder) == []


@pytest.fixture(scope="module")
def context(browser: Browser, jupyter: Jupyter) -> Iterator[BrowserContext]:
    """One person's browser: tabs share its cache, its login and its clipboard."""
    context = browser.new_context(viewport={"width": 1320, "height": 940})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=jupyter.url)
    yield context
    context.close()


@pytest.fixture
def new_tab(context: BrowserContext, jupyter: Jupyter) -> Iterator[Callable[[], Lab]]:
    """Opens tabs. No test may end with an error of ours in the console of one."""
    tabs: list[Lab] = []

    def open_one() -> Lab:
        tabs.append(Lab(context.new_page(), jupyter))
        return tabs[-1]

    yield open_one
    complaints = [complaint for tab in tabs for complaint in tab.complaints]
    for tab in tabs:
        tab.page.close()
    for server in jupyter.api("servers"):
        jupyter.api(f"servers/{server['name']}", "DELETE")
    assert complaints == []


@pytest.fixture
def lab(new_tab: Callable[[], Lab]) -> Lab:
    """A tab."""
    return new_tab()


@pytest.fixture
def assistant(jupyter: Jupyter) -> dict[str, Any]:
    """A ready server of that name."""
    jupyter.api("servers", "POST", {"profile": PROFILE, "name": "assistant"})
    return jupyter.until("assistant", "ready")


@pytest.fixture
def notebook(jupyter: Jupyter, request: pytest.FixtureRequest) -> Callable[..., Path]:
    """Writes a notebook with these code cells, under the test's own name: no kernel is shared."""

    folder = jupyter.folder / "notebooks"
    return partial(notebooks.write, folder / f"{request.node.name}.ipynb")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Keep a picture of what the browser showed when a test failed."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    if report.when == "call" and report.failed and "context" in fixtures:
        folder: Path = fixtures.get("tmp_path") or fixtures["jupyter"].folder
        for number, page in enumerate(fixtures["context"].pages):
            path = folder / f"failed-{number}.png"
            page.screenshot(path=path)
            report.sections.append(("What the browser showed", str(path)))
    return report


def _engines_of(folder: Path) -> list[str]:
    """Engines that serve a model from this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            argv = process.cmdline()
        except psutil.Error:
            continue
        if process.status() != psutil.STATUS_ZOMBIE and any(str(folder) in word for word in argv):
            found.append(" ".join(argv))
    return found
