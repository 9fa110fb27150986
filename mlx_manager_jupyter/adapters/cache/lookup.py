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

from mlx_manager_jupyter.errors import NoWeights, UnknownModel, nearest

_REPO_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{4,64}")


def hub_cache() -> Path:
    """The folder of the Hugging Face cache, by the same variables as huggingface_hub."""

    def expanded(path: str) -> str:
        return os.path.expandvars(os.path.expanduser(path))  # noqa: PTH111  as the original does

    home = os.environ.get("XDG_CACHE_HOME", expanded("~/.cache"))
    home = expanded(os.environ.get("HF_HOME", f"{home}/huggingface"))
    older_name = os.environ.get("HUGGINGFACE_HUB_CACHE", f"{home}/hub")
    return Path(expanded(os.environ.get("HF_HUB_CACHE", older_name)))


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


def snapshot(model: str, revision: str | None) -> Path:
    """The folder of a cached repo at one commit, which is the folder's name.

    Raises:
        UnknownModel: the cache has no such repo, or not this revision of it.
        NoWeights: the cache knows the revision's commit but holds none of its files.
    """
    repo = hub_cache() / f"models--{model.replace('/', '--')}"
    if not _REPO_ID.fullmatch(model) or not _names_in(repo):
        raise UnknownModel(f"There is no model {model!r} on this machine.", _how_to_get(model))
    wanted = "main" if revision is None else revision
    commits, refs = _names_in(repo / "snapshots"), _refs(repo / "refs")
    commit = refs.get(wanted)
    if commit is not None and commit not in commits:
        raise NoWeights(
            f"{model} at {wanted} is known to the cache, but none of its files are there.",
            f"Download it: `hf download {model} --revision {wanted}`.",
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


def _abbreviates(wanted: str, commit: str) -> bool:
    return bool(_COMMIT.fullmatch(wanted)) and commit.startswith(wanted)


def _refs(folder: Path) -> dict[str, str]:
    """Commits by branch or tag; a name may have slashes, as ``refs/pr/1``."""
    return {
        file.relative_to(folder).as_posix(): file.read_text(errors="replace").strip()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _how_to_get(model: str) -> str:
    folders = [name for name in _names_in(hub_cache()) if name.startswith("models--")]
    ids = [name.removeprefix("models--").replace("--", "/") for name in folders]
    if near := nearest(model, ids):
        return f"Did you mean {' or '.join(near)}?"
    return f"Download it with `hf download {model}`, or give the folder of a local model."


def _names_in(folder: Path) -> list[str]:
    """Sorted; empty if there is no such folder."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []
