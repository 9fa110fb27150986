"""Where an answer appears while it streams; each view ends as the same saved Markdown.

| front end | view |
|---|---|
| notebook | `WidgetView`: deltas to a small widget, every 40 ms |
| notebook without anywidget, or our JavaScript | `MarkdownView`: all of it again, every 100 ms |
| terminal | `PrintView`: plain text |
| none wanted | `SilentView` |
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Protocol

from mlx_manager_jupyter.notebook import markdown
from mlx_manager_jupyter.notebook.display import Output, in_kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.client.gateway import Delta, Kind
    from mlx_manager_jupyter.client.reply import Reply
    from mlx_manager_jupyter.widgets.chat_stream import ChatStream

#: Rendering Markdown costs time that grows with the text: 100 ms is smooth up to this size.
SMOOTH_CHARACTERS = 20_000
MARKDOWN_SECONDS = 0.1


class View(Protocol):
    """Shows one answer."""

    def open(self) -> None:
        """Take a place in the cell; from now on `finish` is due, whatever happens."""

    def wait(self, words: str) -> None:
        """Show what the first piece waits for."""

    def add(self, delta: Delta) -> None:
        """Show one more piece, soon."""

    def finish(self, reply: Reply) -> None:
        """Show the whole, for good."""


def best_view() -> Callable[[str], View]:
    """The best view that this front end can show; call it with the server's name.

    What it needs is loaded here, before the request is sent: the wait would look like the model's.
    """
    if not in_kernel():
        return lambda _server: PrintView()
    try:
        from mlx_manager_jupyter.widgets.chat_stream import ChatStream  # noqa: PLC0415  slow
    except ImportError:
        return lambda _server: MarkdownView()
    return lambda server: WidgetView(ChatStream(server))


class SilentView:
    """Shows nothing."""

    def __init__(self, _server: str) -> None: ...

    def open(self) -> None:
        """Nothing."""

    def wait(self, words: str) -> None:
        """Nothing."""

    def add(self, delta: Delta) -> None:
        """Nothing."""

    def finish(self, reply: Reply) -> None:
        """Nothing."""


class WidgetView:
    """Streams into a widget, which makes room for Markdown under the same display id."""

    def __init__(self, widget: ChatStream) -> None:
        self._widget = widget
        self._output = Output()

    def open(self) -> None:
        """Show the widget."""
        self._output.open(self._widget)

    def wait(self, words: str) -> None:
        """Say it below."""
        self._widget.wait(words)

    def add(self, delta: Delta) -> None:
        """Hand it to the widget."""
        self._widget.add(delta.kind, delta.text)

    def finish(self, reply: Reply) -> None:
        """Replace the widget: its state is not saved with the notebook, Markdown is."""
        self._widget.finish()
        self._output.draw(markdown.bundle(reply), markdown.metadata(reply))
        self._widget.close()


class MarkdownView:
    """Draws the whole text again, at a pace that the front end can follow."""

    def __init__(self) -> None:
        self._parts: dict[Kind, str] = {"text": "", "reasoning": ""}
        self._output = Output()
        self._drawn = 0.0

    def open(self) -> None:
        """Show that it waits."""
        self.wait("")

    def wait(self, words: str) -> None:
        """Draw it where the answer will be."""
        self._output.draw({"text/markdown": f"{words}…", "text/plain": f"{words}…"})
        self._drawn = monotonic()

    def add(self, delta: Delta) -> None:
        """Draw, if it is time."""
        self._parts[delta.kind] += delta.text
        text = self._parts["text"]
        pace = MARKDOWN_SECONDS * max(1.0, len(text) / SMOOTH_CHARACTERS)
        if monotonic() - self._drawn >= pace:
            self._drawn = monotonic()
            draft = {"text/markdown": text or "*thinking…*", "text/plain": text}
            self._output.draw(draft)

    def finish(self, reply: Reply) -> None:
        """Draw the saved form."""
        self._output.draw(markdown.bundle(reply), markdown.metadata(reply))


class PrintView:
    """Prints as it comes."""

    def __init__(self) -> None:
        self._reasons = False
        self._waited = ""

    def open(self) -> None:
        """Nothing: there is nothing to print yet."""

    def wait(self, words: str) -> None:
        """Print it, once."""
        if words != self._waited:
            self._waited = words
            print(f"{words}…", flush=True)  # noqa: T201  that is how a terminal displays

    def add(self, delta: Delta) -> None:
        """Print the answer; of the reasoning, only that there is some."""
        if delta.kind == "text":
            print(delta.text, end="", flush=True)  # noqa: T201  that is how a terminal displays
        elif not self._reasons:
            self._reasons = True
            print("thinking…", flush=True)  # noqa: T201  the same

    def finish(self, reply: Reply) -> None:
        """Print the footer."""
        parts = [markdown.thought(reply)] if reply.reasoning else []
        foot = " · ".join([*parts, markdown.footer(reply)])
        print(f"\n\n{foot}" if reply.text else foot)  # noqa: T201  the same
