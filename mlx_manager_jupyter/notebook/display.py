"""How things look in a cell: MIME bundles of HTML and plain text, and a place to update them.

Colours come from the front end's ``--jp-*`` variables, with a fallback for those that have none;
no script and no style sheet, so that a saved notebook looks the same and needs no trust.
"""

from __future__ import annotations

from html import escape
from time import monotonic
from typing import TYPE_CHECKING, Any

from IPython import get_ipython
from IPython.display import DisplayHandle

from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook.table import line_width, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mlx_manager_jupyter.notebook.table import Column
    from mlx_manager_jupyter.schema import DownloadState, Server, ServerState

Bundle = dict[str, str]

#: Passing time is drawn at 4 Hz at most.
TICK_SECONDS = 0.25

#: Style of what may be overlooked.
QUIET = "color:var(--jp-ui-font-color2,#757575)"

GOOD = "var(--jp-success-color1,#2e7d32)"
BAD = "var(--jp-error-color1,#c62828)"
BUSY = "var(--jp-warn-color1,#b26a00)"
_QUIET_COLOUR = "var(--jp-ui-font-color3,#9e9e9e)"

_COLOURS: dict[ServerState | DownloadState, str] = {
    "ready": GOOD,
    "done": GOOD,
    "failed": BAD,
    "stopped": _QUIET_COLOUR,
    "paused": _QUIET_COLOUR,
    "cancelled": _QUIET_COLOUR,
}

_CARD = (
    "display:flex;flex-wrap:wrap;gap:2px 22px;align-items:baseline;padding:8px 12px;"
    "border:1px solid var(--jp-border-color1,#bdbdbd);border-radius:4px;"
    "background:var(--jp-layout-color1,transparent);color:var(--jp-ui-font-color1,inherit);"
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif);"
    "font-size:var(--jp-ui-font-size1,13px)"
)
_CELL = "text-align:left;padding:3px 10px"
_SHORT_CELL = f"{_CELL};white-space:nowrap"
#: Of plain text, where no terminal says how wide its lines are: what notebooks show without a bar.
_PAGE = 110


class Live:
    """One output of the current cell that can be drawn anew. Silent outside IPython."""

    def __init__(self) -> None:
        self._shell = get_ipython()
        self._output = Output()
        self._printed = ""
        self._drawn = 0.0

    def tick(self, bundle: Bundle, step: str) -> None:
        """`show`, unless the last drawing is too recent."""
        if monotonic() - self._drawn >= TICK_SECONDS:
            self.show(bundle, step)

    def show(self, bundle: Bundle, step: str) -> None:
        """Draw the bundle in place of the last one.

        Args:
            bundle: what to show, by MIME type.
            step: a terminal can't redraw, so it prints a line only when this changes.
        """
        if self._shell is None:
            return
        self._drawn = monotonic()
        if in_kernel():
            self._output.draw(bundle)
        elif step != self._printed:
            self._printed = step
            print(bundle["text/plain"])  # noqa: T201  that is how a terminal displays

    def clear(self) -> None:
        """Take away what was drawn; what a terminal printed stays."""
        if self._output.opened:
            self._output.draw({"text/html": "", "text/plain": ""})


class Output:
    """One output of the current cell that can be replaced in place.

    Its id is there before it is shown: who is interrupted while it opens can still replace it.
    """

    def __init__(self) -> None:
        # IPython's display has no types.
        self._handle: Any = DisplayHandle()  # type: ignore[no-untyped-call]
        self.opened = False

    def open(self, shown: object) -> None:
        """Show an object."""
        self.opened = True
        self._handle.display(shown)

    def draw(self, bundle: Bundle, metadata: dict[str, object] | None = None) -> None:
        """Show a MIME bundle, in place of what is there."""
        draw = self._handle.update if self.opened else self._handle.display
        self.opened = True
        draw(bundle, raw=True, metadata=metadata or {})


def in_kernel() -> bool:
    """Whether outputs go to a notebook front end rather than to a terminal."""
    return hasattr(get_ipython(), "kernel")


def card(server: Server, says: str, facts: Iterable[str]) -> Bundle:
    """One line about one server: a dot, its name, what it does, and quiet facts."""
    quiet = " · ".join(facts)
    html = framed(
        f"<span>{dot(server.state)}<b>{escape(server.name)}</b> {escape(says)}</span>"
        f'<span style="{QUIET}">{escape(quiet)}</span>'
    )
    return {"text/html": html, "text/plain": f"● {server.name} {says}   {quiet}".rstrip()}


def framed(html: str) -> str:
    """HTML in a quiet frame, in one line as long as there is room."""
    return f'<div style="{_CARD}">{html}</div>'


def badge(text: str, colour: str = _QUIET_COLOUR, title: str = "") -> str:
    """A small frame with a word in it; what hovers over it explains."""
    style = f"border:1px solid {colour};border-radius:8px;padding:0 6px;white-space:nowrap"
    more = f' title="{escape(title)}"' if title else ""
    return f'<span style="{style}"{more}>{escape(text)}</span>'


def dot(state: ServerState | DownloadState) -> str:
    """A coloured dot; the state is always written beside it too."""
    colour = _COLOURS.get(state, BUSY)
    return f'<span aria-hidden="true" style="color:{colour}">●</span>&nbsp;'


def facts(server: Server, gateway_url: str | None = None) -> list[str]:
    """Model, size and URL, as far as they are known."""
    known = [fmt.short_model(server.model)]
    if server.size_bytes is not None:
        known.append(fmt.size(server.size_bytes))
    if gateway_url is not None:
        known.append(gateway_url)
    return known


def listing(
    columns: Sequence[Column], cell: Callable[[Column, int], str], foot: Sequence[str] = ()
) -> Bundle:
    """A table that leaves out what there is no room for as text, and nothing as HTML.

    Args:
        columns: what it says.
        cell: the HTML of a column's cell in that row.
        foot: lines below it.
    """
    text = "\n".join([plain(columns, line_width(_PAGE)), *foot])
    shown = [column for column in columns if any(column.cells)]
    head = "".join(f'<th scope="col" style="{_CELL}">{escape(c.title)}</th>' for c in shown)
    body = ""
    for row in range(len(columns[0].cells)):
        first, *rest = [cell(column, row) for column in shown]
        cells = "".join(f'<td style="{_SHORT_CELL}">{each}</td>' for each in rest)
        body += f'<tr><th scope="row" style="{_SHORT_CELL}">{first}</th>{cells}</tr>'
    html = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return {
        "text/html": html + "".join(f"<p>{escape(each)}</p>" for each in foot),
        "text/plain": text,
    }
