"""``python -P -m mlx_manager_jupyter.adapters.hub.worker FOLDER``: see the package."""

from __future__ import annotations

import fcntl
import io
import os
import resource
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec
import psutil

from mlx_manager_jupyter.adapters.hub.errors import explained
from mlx_manager_jupyter.adapters.hub.redaction import redacted
from mlx_manager_jupyter.adapters.hub.worker.folder import LOCK, SPEC, JobSpec
from mlx_manager_jupyter.adapters.hub.worker.placing import Disturbed
from mlx_manager_jupyter.adapters.hub.worker.report import Report
from mlx_manager_jupyter.adapters.hub.worker.throttle import Throttle
from mlx_manager_jupyter.errors import (
    ChangedOnHub,
    DownloadFailed,
    HubFailed,
    HubUnreachable,
    MLXManagerError,
    RateLimited,
)
from mlx_manager_jupyter.schema import Identity

if TYPE_CHECKING:
    from types import FrameType

DONE, FAILED, NOTHING_TO_DO = 0, 1, 3
#: Seconds. Whoever asks whether the lock is held holds it himself for a moment.
_LOCK_PATIENCE, _LOCK_PAUSE = 0.3, 0.01
#: A model of many files needs as many descriptors, twice; macOS gives 256.
_DESCRIPTORS = 4096


class Redacting(io.TextIOBase):
    """The log: whatever is printed, a traceback included, loses its secrets on the way."""

    def write(self, text: str) -> int:
        """As any stream."""
        os.write(2, redacted(text).encode(errors="backslashreplace"))
        return len(text)


def main(folder: Path) -> int:
    """Fetch what the job in this folder asks for; how it went is in its ``state.json``."""
    sys.stdout = sys.stderr = Redacting()
    lock = claim(folder)
    if lock is None:
        sys.stderr.write("another worker is at this job\n")
        return NOTHING_TO_DO
    throttle = Throttle()
    report = Report(folder, throttle)

    def end_now(_signal: int, _frame: FrameType | None) -> NoReturn:
        # All that came is written down already, whatever the other threads are doing.
        report.write()
        os._exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, end_now)
    signal.signal(signal.SIGINT, end_now)
    report.start()
    code = FAILED

    def work() -> None:
        nonlocal code
        code = attempt(folder, report, throttle)

    # In a thread, so that this one is always free to take a signal.
    thread = threading.Thread(target=work, name="run", daemon=True)
    thread.start()
    thread.join()
    return code


def claim(folder: Path) -> int | None:
    """Hold the job's lock for as long as the process lives; None if another worker does."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                return None
            time.sleep(_LOCK_PAUSE)
    me = psutil.Process()
    identity = Identity(pid=me.pid, create_time=me.create_time(), argv=tuple(me.cmdline()))
    os.ftruncate(handle, 0)
    os.pwrite(handle, msgspec.json.encode(identity), 0)
    return handle


def attempt(folder: Path, report: Report, throttle: Throttle) -> int:
    """Run the job; whatever ends it becomes a state that says so."""
    model = None
    try:
        spec = msgspec.json.decode((folder / SPEC).read_bytes(), type=JobSpec)
        model = spec.model
        prepare_client(spec)
        from mlx_manager_jupyter.adapters.hub.worker.run import Run  # noqa: PLC0415  as prepared

        Run(folder, spec, report, throttle)()
    except Exception as error:  # noqa: BLE001  the last one who can say what happened
        found, retry = verdict(error, model)
        if not isinstance(error, MLXManagerError | OSError):
            traceback.print_exception(error)
        sys.stderr.write(f"{found.code}: {found}\n")
        changes = {"commit": None} if isinstance(found, ChangedOnHub) else {}
        report.end(
            stage="failed",
            error=found.problem,
            retry=retry,
            retry_after_seconds=found.retry_after_seconds if isinstance(found, HubFailed) else None,
            **changes,
        )
        return FAILED
    report.end(stage="done")
    return DONE


def prepare_client(spec: JobSpec) -> None:
    """Set what huggingface_hub reads when it is imported."""
    os.environ |= {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_XET": "0" if spec.transport == "xet" else "1",
        "HF_XET_TELEMETRY_ENABLED": "0",
        # A file shared between repos could not be removed when it is damaged.
        "HF_HUB_DISABLE_SHARED_BLOBS": "1",
        "HF_HUB_DOWNLOAD_TIMEOUT": str(max(1, round(spec.timeout_seconds))),
        "HF_HUB_ETAG_TIMEOUT": str(max(1, round(spec.timeout_seconds))),
    }
    os.environ.pop("HF_DEBUG", None)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if most == resource.RLIM_INFINITY else min(most, _DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))

    import huggingface_hub  # noqa: PLC0415  reads the environment

    from mlx_manager_jupyter.adapters.hub.errors import offline  # noqa: PLC0415
    from mlx_manager_jupyter.adapters.hub.worker.stock import be_impatient  # noqa: PLC0415

    if huggingface_hub.is_offline_mode():
        raise offline()
    be_impatient(spec.timeout_seconds)


def verdict(error: Exception, model: str | None) -> tuple[MLXManagerError, bool]:
    """What to say of whatever ended the job, and whether the queue shall try again by itself.

    Not after a wrong checksum: the file was fetched twice already.
    """
    import httpx2  # noqa: PLC0415  imported with the client

    known = MLXManagerError, OSError, httpx2.HTTPError, httpx2.InvalidURL, UnicodeEncodeError
    if isinstance(error, known):
        found = explained(error, model)
        return found, isinstance(found, HubUnreachable | RateLimited | ChangedOnHub)
    if isinstance(error, Disturbed):
        return DownloadFailed(str(error), "Something else works on the cache; resume."), True
    return (
        DownloadFailed(
            f"The download failed in a way that nobody foresaw: {type(error).__name__}.",
            "Resume it; if that does not help, worker.log in the job's folder says more.",
        ),
        True,
    )


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    # Connections that wait for a silent server must not hold up the end.
    os._exit(code)
