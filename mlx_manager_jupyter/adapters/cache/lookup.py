"""From what people type to a folder.

The Hugging Face cache keeps a repo like this::

    <cache>/models--org--name/refs/main                        the commit that the branch was at
    <cache>/models--org--name/snapshots/<commit>/config.json   -> ../../blobs/<etag>
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import NoWeights, UnknownModel
from mlx_manager_jupyter.names import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

_REPO_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{4,64}")
_MODELS = "models--"


def hub_cache() -> Path:
    """The folder of the Hugging Face cache, by the same variables as huggingface_hub."""

    def expanded(path: str) -> str:
        return os.path.expandvars(os.path.expanduser(path))  # noqa: PTH111  as the original does

    home = os.environ.get("XDG_CACHE_HOME", expanded("~/.cache"))
    home = expanded(os.environ.get("HF_HOME", f"{home}/huggingface"))
    older_name = os.environ.get("HUGGINGFACE_HUB_CACHE", f"{home}/hub")
    return Path(expanded(os.environ.get("HF_HUB_CACHE", older_name)))


def repo_folder(cache: Path, model: str) -> Path:
    """Where the cache keeps a repo, as huggingface_hub's ``repo_folder_name``."""
    return cache / f"{_MODELS}{model.replace('/', '--')}"


def repo_id(folder: str) -> str | None:
    """The repo that a folder of the cache has the name of; None if it is no model's.

    The organization ends at the first ``--``: it can't have one in its name, a model can.
    """
    name = folder.removeprefix(_MODELS)
    return None if name in {folder, ""} else name.replace("--", "/", 1)


def how_to_pull(model: str, revision: str | None = None) -> str:
    """The commands that download a model."""
    words = model if revision is None else f"{model} --revision {revision}"
    return f"`%mlx_pull {words}` in a notebook, `jupyter mlx pull {words}` in a terminal"


def local_folder(model: str) -> Path | None:
    """The folder of that path; None if ``model`` can only be a repo id.

    Raises:
        UnknownModel: it is a path, but not a folder's.
    """
    path = Path(model)
    # RuntimeError: no such user; OSError: longer than a path can be, or a folder closed to us.
    with suppress(RuntimeError, OSError):
        path = path.expanduser()
        if model and path.is_dir():
            return path.resolve()
        if path.is_file():
            raise UnknownModel(
                f"{path} is a file, not a model.", "Give the folder that config.json is in."
            )
    if path.is_absolute() or model.startswith((".", "~")):
        raise UnknownModel(f"There is no folder {path}.", "A path must be a model's folder.")
    return None


def snapshot(model: str, revision: str | None, cache: Path | None = None) -> Path:
    """The folder of a cached repo at one commit, which is the folder's name.

    Args:
        model: repo id.
        revision: branch, tag or commit; None for ``main``, or for the newest of those that are
            there if ``main`` is not.
        cache: `hub_cache` if None.

    Raises:
        UnknownModel: the cache has no such repo, or not this revision of it.
        NoWeights: the cache knows the revision's commit but holds none of its files.
    """
    cache = cache or hub_cache()
    repo = repo_folder(cache, model)
    if not _REPO_ID.fullmatch(model) or not _names_in(repo):
        hint = _how_to_get(model, cache)
        raise UnknownModel(f"There is no model {model!r} on this machine.", hint)
    wanted = "main" if revision is None else revision
    commits, refs = _names_in(repo / "snapshots"), _refs(repo / "refs")
    commit = refs.get(wanted)
    if revision is None and commits and commit not in commits:
        commit = newest(repo / "snapshots", commits)
    if commit is not None and commit not in commits:
        raise NoWeights(
            f"{model} at {wanted} is known to the cache, but none of its files are there.",
            f"Download it: {how_to_pull(model, wanted)}.",
        )
    # A branch or a tag wins over a commit that begins like its name.
    found = [commit] if commit else [name for name in commits if _abbreviates(wanted, name)]
    if len(found) == 1:
        return repo / "snapshots" / found[0]
    if found:
        raise UnknownModel(
            f"Several revisions of {model} begin with {wanted!r}.",
            f"There are: {', '.join(found)}.",
        )
    raise UnknownModel(
        f"{model} is on this machine, but not its revision {wanted!r}.",
        f"There are: {', '.join([*refs, *commits]) or 'none'}.",
    )


def newest(snapshots: Path, commits: Iterable[str]) -> str:
    """The commit whose snapshot changed last; one that is gone meanwhile counts as oldest."""

    def age(commit: str) -> tuple[int, str]:
        try:
            return (snapshots / commit).stat().st_mtime_ns, commit
        except OSError:
            return 0, commit

    return max(commits, key=age)


def _abbreviates(wanted: str, commit: str) -> bool:
    return bool(_COMMIT.fullmatch(wanted)) and commit.startswith(wanted)


def _refs(folder: Path) -> dict[str, str]:
    """Commits by branch or tag; a name may have slashes, as ``refs/pr/1``."""
    return {
        file.relative_to(folder).as_posix(): file.read_text(errors="replace").strip()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _how_to_get(model: str, cache: Path) -> str:
    ids = filter(None, map(repo_id, _names_in(cache)))
    if near := nearest(model, ids):
        return f"Did you mean {' or '.join(near)}?"
    return f"Download it ({how_to_pull(model)}), or give the folder of a local model."


def _names_in(folder: Path) -> list[str]:
    """Sorted; empty if there is no such folder."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []
