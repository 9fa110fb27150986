"""JupyterLab as its user sees it: one browser tab with a notebook, our panel and the status bar."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Error, Locator, Page

    from tests.fixtures.jupyter import Jupyter

#: For a model to load, a page to appear, a kernel to start: on a busy machine too.
SLOW_MS = 45_000
#: For everything else.
expect.set_options(timeout=15_000)

#: Words by which an error in the console is known to be ours.
OURS = re.compile(r"mlx|anywidget|blob:", re.IGNORECASE)

_PANEL = "mlx-manager-jupyter-panel"
_SERVERS = ".mlxm-section[data-kind=servers]"
_NOTEBOOK = ".jp-NotebookPanel:not(.lm-mod-hidden)"
_KERNEL_IS_IDLE = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    const kernel = panel?.context?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
_IS_SAVED = "() => !window.jupyterapp.shell.currentWidget.context.model.dirty"


class Servers:
    """The *Running* section, wherever it stands: in the sidebar, or in a cell's output."""

    def __init__(self, root: Locator) -> None:
        self.root = root

    @property
    def rows(self) -> Locator:
        return self.root.locator(f"{_SERVERS} li[data-name]")

    def row(self, name: str, state: str | None = None) -> Locator:
        """The row of a server, in that state if one is given."""
        in_state = f"[data-state={state}]" if state else ""
        return self.root.locator(f"{_SERVERS} li[data-name='{name}']{in_state}")

    def expect(self, name: str, state: str) -> Locator:
        """Wait until the server is in that state; its row."""
        row = self.row(name, state)
        expect(row).to_be_visible(timeout=SLOW_MS)
        return row

    def expect_gone(self, name: str) -> None:
        expect(self.row(name)).to_have_count(0)

    def press(self, name: str, button: str) -> None:
        """Press one of a server's buttons, by how its label begins: Stop, Restart, Logs of…"""
        self.row(name).get_by_role("button", name=re.compile(f"^{button}")).click()


class Lab:
    """One tab."""

    def __init__(self, page: Page, jupyter: Jupyter) -> None:
        self.page = page
        self.jupyter = jupyter
        self.complaints: list[str] = []
        """Errors in the console that are ours."""
        page.on("console", self._hear)
        page.on("pageerror", self._crashed)

    # --- the page ---

    def open(self, notebook: str) -> None:
        """Open a notebook in a fresh workspace and wait until its kernel is there."""
        url = f"{self.jupyter.url}lab/tree/{notebook}"
        self.page.goto(f"{url}?reset&token={self.jupyter.token}")
        self._wait()

    def reload(self) -> None:
        self.page.reload()
        self._wait()

    def execute(self, command: str, **arguments: object) -> None:
        """Give a command of JupyterLab; what it leads to is for the caller to await."""
        self.page.evaluate(
            "([command, args]) => void window.jupyterapp.commands.execute(command, args)",
            [command, arguments],
        )

    def wait_for_kernel(self) -> None:
        """Until it has nothing to do. Before it is connected, running a cell asks for a kernel."""
        self.page.wait_for_function(_KERNEL_IS_IDLE, timeout=SLOW_MS)

    def save(self) -> None:
        """Save the notebook, and wait until it is on the disk."""
        self.execute("docmanager:save")
        self.page.wait_for_function(_IS_SAVED)

    def ignore_dialogs(self) -> None:
        """Close what JupyterLab wants to say, whenever it is in the way."""
        dialog = self.page.locator(".jp-Dialog").first
        self.page.add_locator_handler(dialog, lambda: self.page.keyboard.press("Escape"))

    def _wait(self) -> None:
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0, timeout=SLOW_MS)
        expect(self.page.locator(f"{_NOTEBOOK} .jp-Cell").first).to_be_visible(timeout=SLOW_MS)
        self.wait_for_kernel()

    # --- cells ---

    @property
    def cells(self) -> Locator:
        return self.page.locator(f"{_NOTEBOOK} .jp-Cell")

    def cell(self, source: str) -> Locator:
        """The code cell that contains this text."""
        editor = self.page.locator(".cm-content", has_text=source)
        return self.page.locator(f"{_NOTEBOOK} .jp-CodeCell", has=editor).first

    def start(self, cell: Locator) -> None:
        """Run a cell, and leave it selected."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def run(self, cell: Locator) -> Locator:
        """Run a cell to its end; its output."""
        before = prompt(cell).inner_text()
        self.start(cell)
        expect(prompt(cell)).not_to_have_text(before)
        return self.wait_for_cell(cell)

    def wait_for_cell(self, cell: Locator) -> Locator:
        """Until a cell that was started has ended; its output."""
        expect(prompt(cell)).to_have_text(re.compile(r"\[\d+\]:"), timeout=SLOW_MS)
        return output(cell)

    # --- what is ours ---

    def open_panel(self) -> Servers:
        """Open the sidebar's panel, by its icon."""
        panel = self.page.locator(f"#{_PANEL}")
        if not panel.is_visible():
            self.page.locator(f".jp-SideBar .lm-TabBar-tab[data-id='{_PANEL}']").click()
        expect(panel).to_be_visible()
        return Servers(panel)

    @property
    def status(self) -> Locator:
        """The item in the status bar."""
        return self.page.locator(".mlxm-status")

    def _hear(self, message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        if message.type == "error" and OURS.search(f"{message.text} {where}"):
            self.complaints.append(f"{message.text} ({where})")

    def _crashed(self, error: Error) -> None:
        self.complaints.append(f"{error} {error.stack}")


def prompt(cell: Locator) -> Locator:
    """``[ ]:`` before a run, ``[*]:`` during it, ``[3]:`` after it."""
    return cell.locator(".jp-InputPrompt")


def output(cell: Locator) -> Locator:
    return cell.locator(".jp-OutputArea")
