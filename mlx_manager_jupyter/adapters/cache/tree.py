"""What a commit consists of, as huggingface_hub 2 writes it down beside a download.

``<repo>/trees/<commit>.json`` lists all files of the commit, also those that nobody asked for. It
is its private format, so whatever is not understood counts as not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FORMAT = 1


class TreeFile(msgspec.Struct, frozen=True):
    """One file of a commit."""

    size: int
    blob_id: str | None = None
    """sha1 of the Git blob; of a large file, that of the pointer to it."""
    lfs_sha256: str | None = None


class _Tree(msgspec.Struct):
    format_version: int
    files: dict[str, TreeFile]


_decoder = msgspec.json.Decoder(_Tree)


def recorded(snapshot: Path) -> Mapping[str, TreeFile]:
    """The files of a snapshot's commit by path; empty if nobody wrote them down."""
    if snapshot.parent.name != "snapshots":
        return {}
    return read_tree(f"{snapshot.parent.parent}/trees/{snapshot.name}.json")


def planned(snapshot: Path) -> dict[str, int]:
    """Their sizes in bytes alone."""
    return {path: file.size for path, file in recorded(snapshot).items()}


def read_tree(path: str) -> Mapping[str, TreeFile]:
    """What `recorded` says, from the file itself."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  quicker, a thousand times
            tree = _decoder.decode(file.read())
    except (OSError, msgspec.MsgspecError):
        return {}
    return tree.files if tree.format_version == _FORMAT else {}
