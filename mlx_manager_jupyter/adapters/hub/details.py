"""One repo at one commit: its files, and what its configuration says."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from mlx_manager_jupyter.adapters.hub.listing import PATH, entry
from mlx_manager_jupyter.adapters.hub.records import RepoDetails
from mlx_manager_jupyter.errors import HubFailed
from mlx_manager_jupyter.schema import ModelFile, learn

#: Bytes of a repo's description: some 200 per file, so this is for 100,000 files.
REPO_BYTES = 32_000_000
#: Bytes of a file that is read for facts. The tokenizer's largest have 1 MB; whatever is larger is
#: not worth the time it takes, and counts as absent.
FILE_BYTES = 4_000_000
CONFIG = "config.json"

#: Where a chat template may live, the best first.
_TEMPLATES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")


class _Large(Struct):
    sha256: str
    size: int


class _File(Struct):
    rfilename: str
    size: int
    lfs: _Large | None = None


class _Repo(Struct):
    sha: str
    siblings: list[_File]


learn(_Repo)


def path_of(model: str, revision: str | None) -> str:
    """Of a repo's description."""
    at = f"/revision/{quote(revision, safe='')}" if revision else ""
    return f"{PATH}/{model}{at}"


def path_of_file(details: RepoDetails, file: str) -> str:
    """Of a file at the commit of ``details``."""
    return f"/{details.entry.id}/resolve/{quote(details.commit)}/{quote(file)}"


def described(body: bytes, model: str) -> RepoDetails:
    """A repo by its description, before any file was read. Blocking.

    Raises:
        HubFailed: the answer lacks what a download can't do without, or names files that would
            land outside the repo.
    """
    try:
        row = msgspec.json.decode(body)
        repo = msgspec.convert(row, _Repo)
    except msgspec.MsgspecError as error:
        raise HubFailed(f"What the Hub says of {model} can't be read: {error}.") from None
    found = entry(row)
    if found is None or not all(_stays_inside(file.rfilename) for file in repo.siblings):
        raise HubFailed(f"What the Hub says of {model} can't be true.")
    card = row.get("cardData")
    card = card if isinstance(card, dict) else {}
    return RepoDetails(
        entry=found,
        commit=repo.sha,
        files=tuple(_file(file) for file in repo.siblings),
        license=_license(card, found.tags),
        base_model=_base_model(card, found.tags),
    )


def readable(details: RepoDetails, file: str) -> bool:
    """Whether the repo has the file, and it is small enough to be read."""
    return any(one.path == file and one.size_bytes <= FILE_BYTES for one in details.files)


def template_file(details: RepoDetails) -> str | None:
    """The file that holds the chat template, if there is one."""
    return next((file for file in _TEMPLATES if readable(details, file)), None)


def completed(
    details: RepoDetails, config: bytes | None, template_file: str | None, template: bytes | None
) -> RepoDetails:
    """With what two of the repo's files say; None is one that can't be had. Blocking."""
    return msgspec.structs.replace(
        details, config=_object(config), chat_template=_template(template, template_file)
    )


def _object(text: bytes | None) -> dict[str, Any] | None:
    # Not msgspec's: Python's own wrote these files, with Infinity and NaN, which no JSON has and
    # which nobody after us could send on.
    with suppress(ValueError, RecursionError):
        found = json.loads(text or b"", parse_constant=lambda _: None)
        return found if isinstance(found, dict) else None
    return None


def _template(text: bytes | None, file: str | None) -> str | None:
    """The chat template in the file of that name.

    Where a tokenizer has several, such as one for tools, all of them, one after the other: whoever
    looks for what a model can do must find it in any.
    """
    if file is not None and file.endswith(".jinja"):
        return (text or b"").decode(errors="replace") or None
    found = (_object(text) or {}).get("chat_template")
    if isinstance(found, list):
        named = [one.get("template") for one in found if isinstance(one, dict)]
        found = "\n".join(one for one in named if isinstance(one, str))
    return found if isinstance(found, str) and found else None


def _file(file: _File) -> ModelFile:
    if file.lfs is None:
        return ModelFile(path=file.rfilename, size_bytes=file.size)
    return ModelFile(path=file.rfilename, size_bytes=file.lfs.size, sha256=file.lfs.sha256)


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts


def _license(card: dict[str, Any], tags: tuple[str, ...]) -> str | None:
    told = _first(card.get("license"))
    if told in {None, "other"}:
        told = _first(card.get("license_name")) or told
    return told or _tagged(tags, "license:")


def _base_model(card: dict[str, Any], tags: tuple[str, ...]) -> str | None:
    told = _first(card.get("base_model")) or _tagged(tags, "base_model:")
    return told.rpartition(":")[2] if told else None  # of "quantized:<id>"


def _first(value: object) -> str | None:
    value = value[0] if isinstance(value, list) and value else value
    return value if isinstance(value, str) and value else None


def _tagged(tags: tuple[str, ...], prefix: str) -> str | None:
    return next((tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)), None)
