"""The files of one model on this machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mlx_manager_jupyter.schema import ModelFile

_SHA256 = re.compile(r"[0-9a-f]{64}")


def files_in(folder: Path) -> tuple[ModelFile, ...]:
    """What is in a model's folder, by path; a link into nothing is not there. Blocking.

    A large file of the cache is a link to a blob that is named by its sha256.
    """
    found = []
    for here, _, names in os.walk(folder):
        for name in names:
            path = Path(here, name)
            blob = path.readlink().name if path.is_symlink() else ""
            try:
                size = path.stat().st_size
            except OSError:
                continue
            found.append(
                ModelFile(
                    path=path.relative_to(folder).as_posix(),
                    size_bytes=size,
                    sha256=blob if _SHA256.fullmatch(blob) else None,
                )
            )
    return tuple(sorted(found, key=lambda file: file.path))
