"""The files of a job folder: how the worker and its handle speak to each other.

::

    job.json     what to fetch; written by the handle, never a secret in it
    state.json   how far it is; written by the worker
    limit        bytes per second for all connections together; absent means none
    lock         held by the worker as long as it lives, with its identity in it
    worker.log   what it had to say
    parts/       <sha256>.map: which bytes of a file are there;  <sha256>.ok: checked
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from mlx_manager_jupyter.schema import Problem, Record, Transport, learn

if TYPE_CHECKING:
    from pathlib import Path

SPEC, STATE, LIMIT, LOCK = "job.json", "state.json", "limit", "lock"
LOG, PARTS = "worker.log", "parts"

#: A part is not a file of any model: other tools see by its name that it is not finished.
PART_SUFFIX = ".resume.incomplete"

Kind = TypeVar("Kind")
Stage = Literal["planning", "running", "verifying", "done", "failed"]


class JobSpec(Record):
    """What to fetch and how."""

    model: str
    revision: str | None = None
    all: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    transport: Transport = "http"
    cache: str
    """Folder of the Hugging Face cache."""
    connections: int = 4
    """At once, over all files."""
    segment_bytes: int = 64 << 20
    """What one connection asks for at a time."""
    timeout_seconds: float = 10.0
    """Of silence, before a connection counts as broken."""
    pause_seconds: float = 0.5
    """Before the second try; twice as long before each further one."""
    tries: int = 8
    """In a row without one byte."""
    margin_bytes: int = 1_000_000_000
    """To stay free on the disk."""


class JobState(Record):
    """How far the worker is."""

    stage: Stage
    commit: str | None = None
    bytes_done: int = 0
    """On disk and wanted, to the byte."""
    bytes_total: int | None = None
    files_done: int = 0
    files_total: int | None = None
    error: Problem | None = None
    retry: bool = False
    """Whether the same may succeed later, with nothing changed on this side."""
    retry_after_seconds: float | None = None


learn(JobSpec, JobState)


def repo_folder(cache: Path, model: str) -> Path:
    """Where the cache keeps a repo, as huggingface_hub's ``repo_folder_name``."""
    return cache / f"models--{model.replace('/', '--')}"


def part_path(repo: Path, sha256: str) -> Path:
    """Where the bytes of a large file gather."""
    return repo / "blobs" / f"{sha256}{PART_SUFFIX}"


def load(path: Path, kind: type[Kind]) -> Kind | None:
    """The record in a file; None if there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None


def replace(path: Path, content: bytes) -> None:
    """Give a file a new content, all of it or none. Raises OSError."""
    temp = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        temp.replace(path)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
