"""What was tried on running models, kept by model, revision and engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.schema import StoredEvidence

if TYPE_CHECKING:
    from mlx_manager_jupyter.adapters.storage import Store


class EvidenceBook:
    """Reads and writes it; the store is the only copy."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, evidence: StoredEvidence) -> None:
        """Remember it in place of what was known of this model on this engine.

        Raises:
            StoreUnusable: it can't be.
        """
        await asyncio.to_thread(self._store.put, evidence)

    async def find(self, model: str, revision: str | None, engine: str) -> StoredEvidence | None:
        """What was tried; None if nothing was."""
        return await asyncio.to_thread(
            self._store.get, StoredEvidence, key(model, revision, engine)
        )

    async def proven(self, model: str, revision: str | None, engine: str) -> dict[str, Any]:
        """The fields, with their values, that are known to work."""
        found = await self.find(model, revision, engine)
        return found.proven if found else {}


def key(model: str, revision: str | None, engine: str) -> str:
    """Under which it is stored."""
    return f"{model}@{revision}+{engine}"
