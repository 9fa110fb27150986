"""``pull`` and ``downloads``: bring models to this machine, and see what is on its way."""

from __future__ import annotations

import sys
from html import escape
from typing import TYPE_CHECKING, Protocol

from mlx_manager_jupyter.cli.terminal import Step
from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook import rows
from mlx_manager_jupyter.notebook.display import QUIET, Live, dot, framed, in_kernel
from mlx_manager_jupyter.notebook.errors import short_errors
from mlx_manager_jupyter.notebook.models import explained
from mlx_manager_jupyter.notebook.records import Records
from mlx_manager_jupyter.schema import Download, StartDownload

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlx_manager_jupyter.notebook.display import Bundle
    from mlx_manager_jupyter.notebook.table import Column


class Downloads(Records[Download]):
    """Downloads, as a list that shows itself as a table."""

    _kind = Download
    _nothing = "Nothing is being downloaded. Get a model with %mlx_pull MODEL."

    def _columns(self) -> Sequence[Column]:
        return rows.download_columns(self)

    def _cell(self, column: Column, row: int) -> str:
        mark = dot(self[row].state) if column.title == "state" else ""
        return mark + super()._cell(column, row)

    def _foot(self) -> Sequence[str]:
        return rows.problems(self)


@short_errors
def downloads() -> Downloads:
    """All downloads, oldest first; ended ones are listed for a day.

    Raises:
        ExtensionUnreachable: no Jupyter server with the extension answers.
    """
    return Downloads(shared_client().downloads.list())


@short_errors
def pull(
    model: str,
    *,
    revision: str | None = None,
    all: bool = False,  # noqa: A002  as the command line says it
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    wait: bool = True,
    show: bool = True,
) -> Download:
    """Download a model, verified, and show how that goes.

    Args:
        model: a repo id, or words that mean one model.
        revision: branch, tag or commit; the latest by default.
        all: every file of the repo; by default what MLX needs.
        include: only files like these shell patterns.
        exclude: no files like these.
        wait: return when it is here; otherwise at once.
        show: progress, in this cell or on a line of the terminal.

    Returns:
        The finished download, or with ``wait=False`` the queued one.

    Raises:
        AmbiguousModel, UnknownModel: what the words may mean.
        MLXManagerError: why it can't be downloaded, with what to do.
        KeyboardInterrupt: stopped waiting. A download that this call started is paused; what it
            fetched is kept, and the same call goes on with it.
    """
    calls = shared_client().downloads
    wanted = StartDownload(
        model=model,
        revision=revision,
        all=all,
        include=_several(include),
        exclude=_several(exclude),
    )
    with explained():
        wanted = calls.named(wanted)
    view = (CellView() if in_kernel() else LineView(wanted.model)) if show else SilentView()
    if not wait:
        download = calls.start(wanted).download
        view.show(download)
        view.end(", ".join(rows.figures(download)))
        return download
    try:
        download = calls.fetch(wanted, view.show)
    except KeyboardInterrupt:
        view.end(_interrupted(view.latest))
        raise
    except BaseException:
        view.end("failed")
        raise
    view.end("")
    return download


class View(Protocol):
    """Where progress is shown."""

    latest: Download | None

    def show(self, download: Download) -> None:
        """Draw how it stands now."""

    def end(self, says: str) -> None:
        """Draw for the last time; ``says`` instead of its figures if there is something to say."""


class SilentView:
    """Nowhere."""

    latest: Download | None = None

    def show(self, download: Download) -> None:
        """Only note it."""
        self.latest = download

    def end(self, says: str) -> None:
        """Nothing."""


class CellView(SilentView):
    """One output of the current cell, drawn anew."""

    def __init__(self) -> None:
        self._live = Live()

    def show(self, download: Download) -> None:
        """Draw it, four times a second at most."""
        self.latest = download
        self._live.tick(card(download, rows.figures(download)), download.state)

    def end(self, says: str) -> None:
        """Draw the last state."""
        if self.latest:
            figures = [says] if says else rows.figures(self.latest)
            self._live.show(card(self.latest, figures), "ended")


class LineView(SilentView):
    """One line of a terminal; on stderr, as progress is."""

    def __init__(self, model: str) -> None:
        self._step = Step(rows.label(model), sys.stderr)

    def show(self, download: Download) -> None:
        """Redraw the line."""
        self.latest = download
        self._step.progress(rows.line(download))

    def end(self, says: str) -> None:
        """Finish the line."""
        figures = rows.figures(self.latest) if self.latest else ["✗"]
        self._step.end(f"{says or ' · '.join(figures)} ·")


def card(download: Download, figures: list[str]) -> Bundle:
    """A name, a bar, and figures."""
    name, says = fmt.short_model(download.model), " · ".join(figures)
    html = (
        f"<span>{dot(download.state)}<b>{escape(name)}</b></span>{_bar(download)}"
        f'<span style="{QUIET}">{escape(says)}</span>'
    )
    text = f"{name} {rows.bar(download)} {says}"
    return {"text/html": framed(html), "text/plain": text}


def _bar(download: Download) -> str:
    share = rows.share(download)
    if share is None or download.state == "done":
        return ""
    return f'<progress max="1" value="{share:.3f}" style="width:12em"></progress>'


def _interrupted(latest: Download | None) -> str:
    if latest and latest.state == "paused":
        return f"{rows.figures(latest)[0]}, what came is kept; go on with: %mlx_pull {latest.model}"
    return "goes on without you: it was under way before"


def _several(patterns: str | Iterable[str]) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)
