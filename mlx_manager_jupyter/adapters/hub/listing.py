"""The Hub's list of models: what is asked of it, and its rows as `CatalogueEntry`."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from mlx_manager_jupyter.adapters.hub.records import CatalogueEntry
from mlx_manager_jupyter.errors import HubFailed

PATH = "/api/models"
#: Rows of one page: the most that the Hub gives.
PAGE = 1000
#: Bytes of one page. A row has 0.5-1 kB; one with hundreds of tags has 20.
PAGE_BYTES = 32_000_000

#: The tag of every repo in MLX's format, those for images and sound included.
_MLX = "mlx"
#: Of what a row can have, what is used. The rest, such as the card, would make it ten times larger.
_EXPAND = (
    "downloads",
    "gated",
    "lastModified",
    "library_name",
    "likes",
    "pipeline_tag",
    "safetensors",
    "tags",
)


def question(
    *, author: str | None, words: str | None = None, limit: int = PAGE
) -> list[tuple[str, str]]:
    """Parameters of a list of MLX models; with ``words`` the most downloaded come first."""
    asked = [("filter", _MLX), ("limit", str(min(limit, PAGE)))]
    asked += [("expand", name) for name in _EXPAND]
    if author:
        asked.append(("author", author))
    if words:
        asked += [("search", words), ("sort", "downloads")]
    return asked


def entries(page: bytes) -> list[CatalogueEntry]:
    """The rows of one page, but for those that can't be read. Blocking: a page has a megabyte.

    Raises:
        HubFailed: it is not a list.
    """
    try:
        rows = msgspec.json.decode(page, type=list[Any])
    except msgspec.MsgspecError:
        raise HubFailed("The Hub's list of models can't be read.", "Try again later.") from None
    return [read for row in rows if (read := entry(row)) is not None]


def entry(row: object) -> CatalogueEntry | None:
    """One row; None if it has no id. A field of another type than ever counts as unknown."""
    if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not row["id"]:
        return None
    tags = row.get("tags")
    return CatalogueEntry(
        id=row["id"],
        downloads=_number(row.get("downloads")),
        likes=_number(row.get("likes")),
        updated_at=_time(row.get("lastModified")),
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        pipeline_tag=_text(row.get("pipeline_tag")),
        library=_text(row.get("library_name")),
        gated=bool(row.get("gated")),  # False, or how: "auto", "manual"
        parameters=_parameters(row.get("safetensors")),
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _time(value: object) -> datetime | None:
    with suppress(ValueError, TypeError):
        found = msgspec.convert(value, datetime)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def _parameters(safetensors: object) -> dict[str, int]:
    found = safetensors.get("parameters") if isinstance(safetensors, dict) else None
    if not isinstance(found, dict):
        return {}
    return {kind: count for kind, count in found.items() if isinstance(count, int)}
