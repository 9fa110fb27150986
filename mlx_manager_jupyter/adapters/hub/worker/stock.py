"""What huggingface_hub fetches: small files, and all of them where Xet is asked for."""

from __future__ import annotations

import glob
import hashlib
from typing import TYPE_CHECKING, Any

import httpx2
from huggingface_hub import set_client_factory, snapshot_download

from mlx_manager_jupyter.errors import ChangedOnHub, ChecksumMismatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlx_manager_jupyter.adapters.hub.worker.folder import JobSpec
    from mlx_manager_jupyter.adapters.hub.worker.planning import Plan
    from mlx_manager_jupyter.schema import ModelFile


class ImpatientClient(httpx2.Client):
    """Never waits for ever, as huggingface_hub does for lists, by saying so with each request."""

    def __init__(self, timeout: float) -> None:
        super().__init__(follow_redirects=True)
        self._limit = timeout

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """As the original, with our time-out where there is none or a longer one."""
        told: dict[str, float | None] = request.extensions.get("timeout") or {}
        request.extensions["timeout"] = {
            name: min(self._limit, told.get(name) or self._limit)
            for name in ("connect", "read", "write", "pool")
        }
        return super().send(request, **options)


def be_impatient(timeout: float) -> None:
    """Let every request of huggingface_hub end, at the latest after so many seconds of silence."""
    set_client_factory(lambda: ImpatientClient(timeout))


def fetch(spec: JobSpec, plan: Plan, files: Sequence[ModelFile]) -> None:
    """Have these files in the snapshot, at the plan's commit. Those that are there cost nothing.

    Raises:
        HfHubHTTPError, httpx2.HTTPError, OSError: as huggingface_hub raises them.
    """
    if files:
        snapshot_download(
            spec.model,
            revision=plan.commit,
            cache_dir=spec.cache,
            etag_timeout=spec.timeout_seconds,
            allow_patterns=[glob.escape(file.path) for file in files],
            max_workers=max(1, spec.connections),
        )


def fetch_small(spec: JobSpec, plan: Plan, files: Sequence[ModelFile]) -> None:
    """The same for files in Git, whose content is then compared to its name there.

    Raises:
        ChangedOnHub: the Hub has other content at a path.
        ChecksumMismatch: a file came damaged.
        HfHubHTTPError, httpx2.HTTPError, OSError: as huggingface_hub raises them.
    """
    fetch(spec, plan, files)
    if damaged := [file for file in files if not _is_whole(plan, file)]:
        raise ChecksumMismatch(
            f"{damaged[0].path} of {spec.model} came damaged, again and again.",
            "Resume the download; if that does not help, look at what is between you and the Hub.",
        )


def _is_whole(plan: Plan, file: ModelFile) -> bool:
    """Whether a file is what Git says; one that is not is removed."""
    place, name = plan.snapshot / file.path, plan.git_ids[file.path]
    blob = place.resolve()
    if place.is_symlink() and blob.name != name:
        place.unlink()
        raise ChangedOnHub(
            f"{file.path} is not the file any more that the Hub listed.", "Resume the download."
        )
    content = place.read_bytes()
    # Git's name of a content, https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    if (
        hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        == name
    ):
        return True
    place.unlink()
    blob.unlink(missing_ok=True)
    return False
