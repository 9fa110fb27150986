"""The handle of a download job: whoever holds one can start, stop and ask its worker.

All that is known of a job is in its folder, so a worker that another Jupyter server started is as
good as an own one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

from mlx_manager_jupyter.adapters.hub.worker.folder import (
    LIMIT,
    LOCK,
    LOG,
    PARTS,
    SPEC,
    STATE,
    JobSpec,
    JobState,
    load,
    part_path,
    replace,
    repo_folder,
)
from mlx_manager_jupyter.adapters.hub.worker.orphans import remove_orphans
from mlx_manager_jupyter.adapters.hub.worker.part import drop
from mlx_manager_jupyter.errors import DownloadFailed
from mlx_manager_jupyter.schema import Identity

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Job", "JobSpec", "JobState"]

MODULE = "mlx_manager_jupyter.adapters.hub.worker"
#: Seconds; psutil's sum of boot time and ticks is rounded differently after a trip through JSON.
_CREATE_TIME_TOLERANCE = 0.01
_LOOK_SECONDS = 0.005
#: After SIGKILL only a disk that does not answer keeps a process.
_KILL_SECONDS = 10.0

#: Workers of this process by folder, until they are reaped. Kept here since Popen complains, and
#: a zombie stays, when the object is collected while the child lives.
_children: dict[Path, list[subprocess.Popen[bytes]]] = {}
_children_lock = threading.Lock()


class Job:
    """One job folder. All methods block for a moment, `stop` for as long as it takes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, spec: JobSpec) -> None:
        """Say what to fetch; a worker reads it when it starts. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(self.folder / SPEC, msgspec.json.encode(spec))

    def launch(self, environment: Mapping[str, str]) -> None:
        """Start a worker in a session of its own; one that finds another at work ends at once.

        Args:
            environment: of the worker; the token, if there is one, comes this way.

        Raises:
            OSError: it can't be started.
        """
        self._reap()
        argv = [sys.executable, "-P", "-m", MODULE, str(self.folder)]
        log = os.open(self.folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            child = subprocess.Popen(
                argv,
                env=dict(environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            os.close(log)
        with _children_lock:
            _children.setdefault(self.folder, []).append(child)
        # A job may be forgotten before its worker has ended: no zombie stays behind even then.
        threading.Thread(target=child.wait, name="worker-end", daemon=True).start()

    def is_running(self) -> bool:
        """Whether a worker lives, whoever started it."""
        return bool(self._reap()) or self._is_locked()

    def state(self) -> JobState | None:
        """What the worker last said; None before it said anything."""
        return load(self.folder / STATE, JobState)

    def set_limit(self, bytes_per_second: int | None) -> None:
        """Limit all connections together; a worker heeds it within half a second."""
        path = self.folder / LIMIT
        wanted = str(bytes_per_second).encode() if bytes_per_second else b""
        with suppress(FileNotFoundError):
            if path.read_bytes() == wanted:
                return
        if wanted:
            replace(path, wanted)
        else:
            path.unlink(missing_ok=True)

    def stop(self, grace_seconds: float = 2.0) -> None:
        """End the worker, whoever started it; returns when it is gone.

        What it fetched stays, to the byte.

        Args:
            grace_seconds: before it is killed.

        Raises:
            DownloadFailed: somebody holds the job's lock who is no worker of it.
        """
        patience = time.monotonic() + grace_seconds
        limit = patience + _KILL_SECONDS
        asked: set[int] = set()
        while (children := self._reap()) or self._is_locked():
            now = time.monotonic()
            if now > limit:
                raise DownloadFailed(
                    f"The worker of the job in {self.folder} can't be stopped.",
                    f"End the process that holds {self.folder / LOCK}.",
                )
            for process in self._workers(children):
                with suppress(psutil.Error):
                    if now > patience:
                        process.kill()
                    elif process.pid not in asked:
                        process.terminate()
                        asked.add(process.pid)
            time.sleep(_LOOK_SECONDS)

    def discard(self) -> None:
        """Remove the job, stopped before, and its unfinished files from the cache.

        Finished files stay, and so do unfinished ones that another job has begun anew. The repo's
        folder goes if nothing of the repo is left in it.
        """
        spec = load(self.folder / SPEC, JobSpec)
        if spec:
            repo = repo_folder(Path(spec.cache), spec.model)
            for file in (self.folder / PARTS).glob("*.map"):
                with suppress(OSError):
                    drop(file, part_path(repo, file.stem))
            remove_orphans(repo)
            if repo.is_dir() and not _has_content(repo):
                shutil.rmtree(repo, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_locked(self) -> bool:
        try:
            handle = os.open(self.folder / LOCK, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def _reap(self) -> list[subprocess.Popen[bytes]]:
        """Own workers that live."""
        with _children_lock:
            living = [child for child in _children.pop(self.folder, []) if child.poll() is None]
            if living:
                _children[self.folder] = living
            return living

    def _workers(self, children: list[subprocess.Popen[bytes]]) -> list[psutil.Process]:
        """Who works here: own children, and who holds the lock if it is still the one it names."""
        found = []
        with suppress(psutil.Error):
            found = [psutil.Process(child.pid) for child in children]
        holder = load(self.folder / LOCK, Identity)
        if holder and holder.pid not in {process.pid for process in found}:
            with suppress(psutil.Error):
                process = psutil.Process(holder.pid)
                age = abs(process.create_time() - holder.create_time)
                if age <= _CREATE_TIME_TOLERANCE and process.cmdline() == list(holder.argv):
                    found.append(process)
        return found


def _has_content(repo: Path) -> bool:
    """Whether any file of the repo is there, or a link to one."""
    return any(
        not path.is_dir() or path.is_symlink()
        for name in ("blobs", "snapshots")
        for path in (repo / name).rglob("*")
    )
