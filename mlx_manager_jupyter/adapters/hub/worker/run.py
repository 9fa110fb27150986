"""The order of things: plan, small files, large files, seal.

Nothing can be served before the seal, and every large file was checked before it got its name. So
whatever moment ends the process, no half or bad model is left that looks whole.
"""

from __future__ import annotations

import fcntl
import os
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import httpx2

from mlx_manager_jupyter.adapters.hub.errors import explained
from mlx_manager_jupyter.adapters.hub.patterns import has_weights
from mlx_manager_jupyter.adapters.hub.worker import placing, stock
from mlx_manager_jupyter.adapters.hub.worker.address import Address
from mlx_manager_jupyter.adapters.hub.worker.folder import PARTS, part_path, repo_folder
from mlx_manager_jupyter.adapters.hub.worker.orphans import remove_orphans
from mlx_manager_jupyter.adapters.hub.worker.part import Part, allocated, drop
from mlx_manager_jupyter.adapters.hub.worker.patience import Patience
from mlx_manager_jupyter.adapters.hub.worker.planning import SEAL, Plan, plan, require_room
from mlx_manager_jupyter.adapters.hub.worker.transfer import Incoming, Transfer
from mlx_manager_jupyter.adapters.hub.worker.verifying import Checked, part_is_whole
from mlx_manager_jupyter.errors import (
    ChecksumMismatch,
    MLXManagerError,
    UnknownModel,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.adapters.hub.worker.folder import JobSpec
    from mlx_manager_jupyter.adapters.hub.worker.report import Report
    from mlx_manager_jupyter.adapters.hub.worker.throttle import Throttle
    from mlx_manager_jupyter.schema import ModelFile

#: Of a question to the Hub. The queue asks again later, and meanwhile people see why it waits.
_QUESTION_TRIES = 3
#: In the cache's folder of locks, beside those of huggingface_hub.
_REPO_LOCK = "mlx-manager.lock"

Answer = TypeVar("Answer")
#: Files of one content: fetched once, under each of their names.
Same: TypeAlias = "list[ModelFile]"


class Run:
    """One try to have a model whole, from the plan to the seal."""

    def __init__(self, folder: Path, spec: JobSpec, report: Report, throttle: Throttle) -> None:
        self._spec = spec
        self._report = report
        self._throttle = throttle
        self._parts = folder / PARTS
        self._parts.mkdir(mode=0o700, exist_ok=True)
        self._checked = Checked(self._parts)
        self._job = folder

    def __call__(self) -> None:
        """Do it. Raises whatever is in the way: `MLXManagerError`, httpx2.HTTPError, OSError."""
        spec = self._spec
        chosen = self._insist(self._plan)
        lock = self._lock_repo()
        try:
            self._forget_others(chosen)
            remove_orphans(chosen.repo)
            require_room(spec, chosen, self._job)
            self._report.planned(chosen.commit, files=len(chosen.files), size=chosen.size)
            self._report.stage("running")
            placing.name_commit(chosen, spec.revision, anew=False)
            missing = self._missing(chosen)
            files = [] if spec.transport == "xet" else self._open(chosen, missing)
            self._have_small(chosen, [file for file in chosen.small if file.path != SEAL])
            if spec.transport == "xet":
                self._fetch_by_xet(chosen, missing)
            else:
                self._fetch_by_ranges(chosen, files)
            self._report.stage("verifying")
            self._have_small(chosen, [file for file in chosen.small if file.path == SEAL])
            self._insist(lambda: stock.fetch(spec, chosen, chosen.files))
            placing.require_all(chosen)
            placing.name_commit(chosen, spec.revision, anew=True)
        finally:
            os.close(lock)

    def _lock_repo(self) -> int:
        """Wait until no other job works on this repo: two might write the same part."""
        cache = Path(self._spec.cache)
        folder = cache / ".locks" / repo_folder(cache, self._spec.model).name
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / _REPO_LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(handle, fcntl.LOCK_EX)
        return handle

    def _plan(self) -> Plan:
        before = self._report.commit
        try:
            return plan(self._spec, before)
        except httpx2.HTTPError as error:
            gone = before and isinstance(explained(error, self._spec.model), UnknownModel)
            if not gone:
                raise
        return plan(self._spec, None)  # its history was rewritten

    def _forget_others(self, chosen: Plan) -> None:
        wanted = {file.sha256 for file in chosen.large}
        for mark in self._parts.iterdir():
            if mark.stem not in wanted:
                drop(mark, part_path(chosen.repo, mark.stem))

    def _have_small(self, chosen: Plan, files: list[ModelFile]) -> None:
        self._insist(lambda: stock.fetch_small(self._spec, chosen, files))
        for file in files:
            self._report.settled(file.size_bytes)

    def _missing(self, chosen: Plan) -> list[Same]:
        """The large files that the cache has not, or not whole; the others are done."""
        missing: dict[str, Same] = {}
        for file in chosen.large:
            blob = chosen.blob(file)
            if blob.name in missing or not self._checked.is_whole(blob, size=file.size_bytes):
                missing.setdefault(blob.name, []).append(file)
            else:
                self._settle(chosen, [file])
        return list(missing.values())

    def _open(self, chosen: Plan, missing: list[Same]) -> list[tuple[Same, Incoming]]:
        """What is there of them counts from now on."""
        (chosen.repo / "blobs").mkdir(parents=True, exist_ok=True)
        files = [(same, self._incoming(chosen, same[0])) for same in missing]
        self._report.fetching([incoming.part for _, incoming in files])
        return files

    def _fetch_by_ranges(self, chosen: Plan, files: list[tuple[Same, Incoming]]) -> None:
        with Transfer(self._spec, self._throttle) as transfer:
            for _, incoming in files:
                transfer.add(incoming)
            for same, incoming in files:
                self._check(same[0], incoming, transfer)
                self._finish(chosen.blob(same[0]), incoming.part)
                self._settle(chosen, same, incoming.part)
                incoming.part.close()

    def _incoming(self, chosen: Plan, file: ModelFile) -> Incoming:
        sha256 = str(file.sha256)
        part = Part(
            part_path(chosen.repo, sha256),
            self._parts / f"{sha256}.map",
            size=file.size_bytes,
            segment_bytes=self._spec.segment_bytes,
        )
        address = Address(
            model=self._spec.model,
            commit=chosen.commit,
            path=file.path,
            sha256=sha256,
            size=file.size_bytes,
            timeout=self._spec.timeout_seconds,
        )
        return Incoming(part, address)

    def _check(self, file: ModelFile, incoming: Incoming, transfer: Transfer) -> None:
        """Wait for a file and check it; one that came damaged is fetched once more."""

        def wait_beyond(position: int) -> int:
            self._report.stage("verifying" if transfer.is_idle else "running")
            return transfer.wait_beyond(incoming, position)

        if part_is_whole(incoming.part, str(file.sha256), wait_beyond):
            return
        incoming.part.reset()
        transfer.add(incoming)
        if not part_is_whole(incoming.part, str(file.sha256), wait_beyond):
            incoming.part.reset()
            raise self._mismatch(file)

    def _finish(self, blob: Path, part: Part) -> None:
        try:
            part.finish(blob)
        except FileNotFoundError:
            raise placing.Disturbed("An unfinished file disappeared from the cache.") from None
        self._checked.remember(blob)

    def _fetch_by_xet(self, chosen: Plan, missing: list[Same]) -> None:
        if any(has_weights(same) for same in missing):
            # The client gives a file its name before anyone has checked it.
            (chosen.snapshot / SEAL).unlink(missing_ok=True)
        for same in missing:
            blob, size = chosen.blob(same[0]), same[0].size_bytes
            self._report.watch(partial(_in_stock, blob, size))
            for _ in range(2):
                self._insist(partial(stock.fetch, self._spec, chosen, same))
                if self._checked.is_whole(blob, size=size):
                    break
            else:
                raise self._mismatch(same[0])
            self._settle(chosen, same)

    def _settle(self, chosen: Plan, same: Same, part: Part | None = None) -> None:
        """Files of one content are checked and in the cache."""
        for file in same:
            if file.path != SEAL:
                placing.link(chosen, file)
            self._report.settled(file.size_bytes, part)

    def _mismatch(self, file: ModelFile) -> ChecksumMismatch:
        return ChecksumMismatch(
            f"{file.path} of {self._spec.model} came damaged, twice: its sha256 is not the Hub's.",
            "Resume the download; if that does not help, look at what is between you and the Hub.",
        )

    def _insist(self, ask: Callable[[], Answer]) -> Answer:
        """Ask again as long as patience lasts."""
        patience = Patience(self._spec, threading.Event(), at_most=_QUESTION_TRIES)
        while True:
            try:
                return ask()
            except (MLXManagerError, httpx2.HTTPError, OSError) as error:
                patience.bear(error)


def _in_stock(blob: Path, size: int) -> int:
    """Bytes of a file that huggingface_hub is at."""
    return min(size, sum(map(allocated, blob.parent.glob(f"{blob.name}.*.incomplete"))))
