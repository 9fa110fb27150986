"""Questions to the Hub. All of them can be cancelled, and none waits longer than its time-out."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.hub import details as repo
from mlx_manager_jupyter.adapters.hub import listing
from mlx_manager_jupyter.adapters.hub.connection import Connection
from mlx_manager_jupyter.adapters.hub.ids import check_id
from mlx_manager_jupyter.errors import BadToken, GatedModel, HubFailed, MLXManagerError, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.adapters.hub.records import CatalogueEntry, RepoDetails

#: Time-outs for one page of the catalogue: a thousand rows, on a slow line too.
_PATIENCE = 3.0


class Hub:
    """The Hugging Face Hub, or the mirror that ``HF_ENDPOINT`` names.

    Every question raises `Offline` before anything is opened if the Hub must not be asked, and
    else, where it fails, `HubUnreachable`, `RateLimited`, `BadToken`, `GatedModel`, `UnknownModel`
    or `HubFailed`. Not safe for threads: it belongs to the event loop that first asks.

    Args:
        offline: never ask.
        timeout_seconds: for one answer, however many of them a question needs. A page of the
            catalogue, for which nobody waits, may take three times as long.
        endpoint: the Hub's address; by default huggingface_hub's.
    """

    def __init__(
        self,
        *,
        offline: bool = False,
        timeout_seconds: float = 10.0,
        endpoint: str | None = None,
    ) -> None:
        self._connection = Connection(
            offline=offline, timeout_seconds=timeout_seconds, endpoint=endpoint
        )

    async def catalogue(
        self,
        *,
        author: str | None = None,
        on_page: Callable[[int], None] = lambda _: None,
    ) -> list[CatalogueEntry]:
        """All MLX models of the Hub, or of one author, in the Hub's own order.

        Args:
            author: person or organization.
            on_page: told after each page how many models there are so far.
        """
        found: dict[str, CatalogueEntry] = {}
        address, asked = listing.PATH, listing.question(author=author)
        seen: set[str] = set()
        while True:
            answer = await self._connection.get(
                address, asked, at_most=listing.PAGE_BYTES, patience=_PATIENCE
            )
            # By id: the list may move on by a row while it is read.
            for entry in await asyncio.to_thread(listing.entries, answer.body):
                found[entry.id] = entry
            on_page(len(found))
            if answer.next_page is None:
                return list(found.values())
            if answer.next_page in seen:
                raise HubFailed("The Hub's list of models has no end.", "Try again later.")
            seen.add(answer.next_page)
            address, asked = answer.next_page, []

    async def search(
        self, words: str, *, author: str | None = None, limit: int = 50
    ) -> list[CatalogueEntry]:
        """MLX models whose names hold the words, the most downloaded first; at most 1000."""
        asked = listing.question(author=author, words=words, limit=limit)
        answer = await self._connection.get(listing.PATH, asked, at_most=listing.PAGE_BYTES)
        return await asyncio.to_thread(listing.entries, answer.body)

    async def details(self, model: str, revision: str | None = None) -> RepoDetails:
        """A repo's files, configuration and chat template at its latest commit, or at another.

        Args:
            model: its id, such as ``mlx-community/Qwen3-8B-4bit``.
            revision: branch, tag or commit.

        Raises:
            UnknownModel: no such repo or revision, or a private one. A gated one has details,
                only without what its files say: they are None.
        """
        self._connection.refuse_offline()
        await asyncio.to_thread(check_id, model)
        answer = await self._connection.get(
            repo.path_of(model, revision),
            [("blobs", "true")],
            at_most=repo.REPO_BYTES,
            model=model,
        )
        found = await asyncio.to_thread(repo.described, answer.body, model)
        template = repo.template_file(found)
        try:
            async with asyncio.TaskGroup() as group:
                config_task = group.create_task(self._file(found, repo.CONFIG))
                template_task = group.create_task(self._file(found, template))
        except* MLXManagerError as failed:
            raise failed.exceptions[0] from None
        return await asyncio.to_thread(
            repo.completed, found, config_task.result(), template, template_task.result()
        )

    async def close(self) -> None:
        """Close the connections; the next question opens them again."""
        await self._connection.close()

    async def _file(self, details: RepoDetails, file: str | None) -> bytes | None:
        """A small file's bytes; None if the repo has none, or does not show it to us."""
        if file is None or not repo.readable(details, file):
            return None
        # Anybody may see the list of a gated repo; its files are for those who were let in.
        with suppress(GatedModel, BadToken, NotFound):
            answer = await self._connection.get(
                repo.path_of_file(details, file), at_most=repo.FILE_BYTES, model=details.entry.id
            )
            return answer.body
        return None
