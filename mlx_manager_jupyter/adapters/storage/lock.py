"""One holder between processes: the kernel's lock on a file, which ends with whoever holds it."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Between two tries. Others hold it for as long as writing two small files takes.
RETRY_SECONDS = 0.01


@contextmanager
def locked(path: Path, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock on a file, which is made with mode 0600 and stays. Blocking.

    Of several threads of one process one at a time gets it, too: each opens the file anew.

    Raises:
        TimeoutError: somebody held it all the time.
        OSError: the file can't be opened, or its file system knows no locks.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        _take(handle, time.monotonic() + timeout_seconds)
        yield
    finally:
        os.close(handle)


def _take(handle: int, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError from None
            time.sleep(RETRY_SECONDS)
