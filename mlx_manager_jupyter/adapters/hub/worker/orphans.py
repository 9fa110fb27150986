"""Unfinished files of huggingface_hub that nobody will finish: it can't go on with its own.

A killed worker leaves one for each file that the client was at; by Xet that may be gigabytes.
"""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: ``<etag>.<8 hex>.incomplete``; ours are named otherwise.
_UNFINISHED = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\.[0-9a-f]{8}\.incomplete")


def remove_orphans(repo: Path) -> None:
    """Remove those of a repo's folder that no living process works on.

    Whoever does, holds the file's lock for as long, ``.locks/<repo>/<etag>.lock``.
    """
    blobs, locks = repo / "blobs", repo.parent / ".locks" / repo.name
    with suppress(FileNotFoundError):
        for file in list(blobs.iterdir()):
            found = _UNFINISHED.fullmatch(file.name)
            if found and not _is_held(locks / f"{found[1]}.lock"):
                file.unlink(missing_ok=True)


def _is_held(lock: Path) -> bool:
    """True also where a file system can't tell."""
    try:
        handle = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
