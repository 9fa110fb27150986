"""What the Hub tells us, as records: kept in the catalogue, never sent to a browser as they are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mlx_manager_jupyter.schema import ModelFile, Record


class CatalogueEntry(Record, gc=False):  # as `Model`
    """One row of the Hub's list of models: what it says without a request for the model itself."""

    id: str
    downloads: int = 0
    likes: int = 0
    updated_at: datetime | None = None
    tags: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    library: str | None = None
    gated: bool = False
    parameters: dict[str, int] = {}
    """Numbers of values by data type, ``safetensors.parameters``. Beware of ``U32``: for some
    repos it counts packed words, for others the weights in them."""


class RepoDetails(Record):
    """One repo at one commit, asked for by itself."""

    entry: CatalogueEntry
    commit: str
    files: tuple[ModelFile, ...]
    config: dict[str, Any] | None = None
    """``config.json``."""
    chat_template: str | None = None
    license: str | None = None
    base_model: str | None = None
