"""What was tried on running models, kept by model, revision and engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mlx_manager_jupyter.schema import StoredEvidence

if TYPE_CHECKING:
    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.schema import Model


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

    async def shown(self, model: Model) -> Model:
        """The record with what was tried: a capability that works is one, whatever was read."""
        evidence, found = dict(model.evidence), dict.fromkeys(model.capabilities)
        begins = key(model.id, model.revision, "")
        for kept in await asyncio.to_thread(self._store.list, StoredEvidence):
            if not kept.name.startswith(begins):
                continue
            engine = f"{kept.name.removeprefix(begins)} {kept.engine_version or ''}".strip()
            for finding in kept.findings:
                if finding.what != "schema":
                    said = "works" if finding.works else "does not work"
                    tried = f"tried with {engine}, {said}: {finding.detail}"
                    read = evidence.get(finding.what)
                    evidence[finding.what] = f"{read}; {tried}" if read else tried
                    found |= {finding.what: None} if finding.works else {}
        return replace(model, evidence=evidence, capabilities=tuple(found))


def key(model: str, revision: str | None, engine: str) -> str:
    """Under which it is stored."""
    return f"{model}@{revision}+{engine}"
