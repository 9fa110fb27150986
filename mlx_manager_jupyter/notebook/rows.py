"""What a table says of models and downloads, and what a line says of one download.

Pure, without IPython: the command line uses it too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook.table import Column, line_width, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlx_manager_jupyter.schema import Download, Model

#: Characters of a progress bar.
BAR = 20
#: Characters of a name before it: at least, and of a line where no terminal says how many it has.
SHORTEST, WIDE = 16, 120


def model_columns(models: Sequence[Model]) -> list[Column]:
    """Columns of a table of models; what is known of none of them stays empty."""
    return [
        Column("model", [model.id for model in models]),
        Column("bits", [str(model.bits or "") for model in models], rank=1, right=True),
        Column("size", [size(model) for model in models], rank=1, right=True),
        Column("context", [context(model) for model in models], rank=5, right=True),
        Column("fit", [model.fit or "" for model in models], rank=2),
        Column("can", [" ".join(model.capabilities) for model in models], rank=6),
        Column("downloads", [popularity(model) for model in models], rank=8, right=True),
        Column("here", [presence(model) for model in models], rank=3),
        Column("used", [since(model.used_at) for model in models], rank=7),
        Column("by", [", ".join(users(model)) for model in models], rank=4),
    ]


def download_columns(downloads: Sequence[Download]) -> list[Column]:
    """Columns of a table of downloads."""
    return [
        Column("model", [each.model for each in downloads]),
        Column("state", [each.state for each in downloads]),
        Column("done", [_share_of(each) for each in downloads], rank=1, right=True),
        Column("bytes", [_amount(each) for each in downloads], rank=3, right=True),
        Column("rate", [fmt.speed(each.rate) if each.rate else "" for each in downloads], rank=2),
        Column("left", [_left(each) for each in downloads], rank=4),
        Column("id", [each.id for each in downloads]),
    ]


def problems(downloads: Sequence[Download]) -> list[str]:
    """A line for each download that went wrong, or waits to try again."""
    return [
        f"{fmt.short_model(each.model)}: {MLXManagerError.of(each.error)}"
        for each in downloads
        if each.error
    ]


def size(model: Model) -> str:
    """``4.6 GB``, ``≈ 4.6 GB`` if that is a guess, ``1.2 of 4.6 GB`` of what is not complete."""
    total = model.size_bytes or model.estimated_bytes
    if model.local and not model.complete:
        here = model.partial_bytes
        return fmt.amount(here, total) if total and total > here else fmt.size(here)
    if total is None:
        return ""
    return fmt.size(total) if model.size_bytes else f"≈ {fmt.size(total)}"


def context(model: Model) -> str:
    """``40k``; empty if nobody knows."""
    return fmt.tokens(model.context_length) if model.context_length else ""


def popularity(model: Model) -> str:
    """Downloads in the last 30 days: ``123K``."""
    return "" if model.downloads is None else fmt.count(model.downloads)


def presence(model: Model) -> str:
    """``✓`` if it can be served from this machine, ``partial`` if some of it is missing."""
    if model.complete:
        return "✓"
    return "partial" if model.local else ""


def users(model: Model) -> tuple[str, ...]:
    """Servers that serve it now, with a dot, and profiles that would."""
    return (*(f"● {name}" for name in model.servers), *model.profiles)


def since(moment: datetime | None) -> str:
    """``2 days ago``."""
    return fmt.ago((datetime.now(UTC) - moment).total_seconds()) if moment else ""


def share(download: Download) -> float | None:
    """How much of it is here, from 0 to 1; None while nobody knows."""
    if download.state == "done":
        return 1.0
    return download.bytes_done / download.bytes_total if download.bytes_total else None


def bar(download: Download) -> str:
    """``████████░░░░░░░░░░░░``; empty while nobody knows."""
    known = share(download)
    if known is None:
        return ""
    full = int(min(1.0, known) * BAR)
    return "█" * full + "░" * (BAR - full)


def line(download: Download) -> str:
    """``██████████░░░░░░░░░░ 51% · 2.4 of 4.6 GB · 84 MB/s · 26 s left · file 3 of 9``."""
    return f"{bar(download)} {' · '.join(figures(download))}".strip()


def label(model: str) -> str:
    """A model's name before its line: at most a third of the terminal."""
    return shorten(fmt.short_model(model), max(SHORTEST, line_width(WIDE) // 3))


def figures(download: Download) -> list[str]:  # noqa: PLR0911  one each
    """What there is to say of its state, the most important first."""
    match download.state:
        case "queued" if download.error and download.retry_at:
            wait = fmt.duration((download.retry_at - datetime.now(UTC)).total_seconds())
            return [f"tries again in {wait}", download.error.message]
        case "queued":
            return ["waits for its turn", *_known(_amount(download))]
        case "running" if download.bytes_total is None:
            return ["asking what there is to fetch"]
        case "running":
            rate = fmt.speed(download.rate) if download.rate else ""
            return _known(
                _share_of(download), _amount(download), rate, _left(download), _file(download)
            )
        case "paused":
            return _known(f"paused {_share_of(download)}".rstrip(), _amount(download))
        case "verifying":
            return ["checking every byte", *_known(_amount(download))]
        case "done":
            return ["downloaded", fmt.size(download.bytes_total or download.bytes_done)]
        case "failed":
            return ["failed", download.error.message if download.error else "nobody knows why"]
        case "cancelled":
            return ["cancelled", "what it had fetched is gone"]


def _known(*parts: str) -> list[str]:
    return [part for part in parts if part]


def _share_of(download: Download) -> str:
    known = share(download)
    return "" if known is None else fmt.percent(known)


def _amount(download: Download) -> str:
    done, total = download.bytes_done, download.bytes_total
    if total is None:
        return fmt.size(done) if done else ""
    return fmt.size(total) if done >= total else fmt.amount(done, total)


def _left(download: Download) -> str:
    return "" if download.eta_seconds is None else f"{fmt.duration(download.eta_seconds)} left"


def _file(download: Download) -> str:
    if download.files_total is None:
        return ""
    return f"file {min(download.files_done + 1, download.files_total)} of {download.files_total}"
