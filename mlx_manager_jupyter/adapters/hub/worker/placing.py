"""From checked bytes to a file of the model, and to a name by which the model is found."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from mlx_manager_jupyter.adapters.hub.worker.planning import Plan
    from mlx_manager_jupyter.schema import ModelFile


class Disturbed(Exception):
    """Something else works on the files of the cache; another try may find it quiet.

    Args: what happened.
    """


def link(plan: Plan, file: ModelFile) -> None:
    """Let the snapshot have a checked file. Raises OSError.

    Done here, since huggingface_hub would ask the Hub once more what the file is, and fetch another
    one, unchecked, if the answer changed. Where there are no symbolic links, it is left to it.
    """
    place, blob = plan.snapshot / file.path, plan.blob(file)
    if place.is_symlink() and place.resolve() == blob.resolve():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    temp = _temp(plan)
    try:
        temp.symlink_to(os.path.relpath(blob, place.parent))
    except OSError:
        return
    temp.replace(place)


def require_all(plan: Plan) -> None:
    """Look whether every file is there, as long as it should be and where it should be.

    Raises:
        Disturbed: one is not. It is removed from the snapshot if it is another one.
    """
    for file in plan.files:
        place = plan.snapshot / file.path
        with suppress(OSError):
            if place.is_symlink() and place.resolve().name != plan.blob(file).resolve().name:
                place.unlink()
            if place.stat().st_size == file.size_bytes:
                continue
        raise Disturbed(f"{file.path} disappeared from the cache.")


def name_commit(plan: Plan, revision: str | None, *, anew: bool) -> None:
    """Write down which commit a branch or tag is at, as huggingface_hub does. Raises OSError.

    Args:
        plan: the commit.
        revision: the branch or tag, ``main`` if None; nothing to do for the commit itself.
        anew: also where the cache knows another commit, which until then is the one to serve.
    """
    name = revision or "main"
    if name == plan.commit:
        return
    place = plan.repo / "refs" / name
    if place.exists() and (not anew or _content(place) == plan.commit):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    temp = _temp(plan)
    temp.write_text(plan.commit, "ascii")
    temp.replace(place)


def _temp(plan: Plan) -> Path:
    """Where nobody looks: each name in ``refs`` is a branch, each in a snapshot a file."""
    return plan.repo / f".{secrets.token_hex(4)}.tmp"


def _content(place: Path) -> str:
    return place.read_text("utf-8", errors="replace").strip()
