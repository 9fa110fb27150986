"""``python -m mlx_manager_jupyter.extension LOCK [OPTIONS]``: the daemon.

A Jupyter server with this extension and no other, for those who run no Jupyter. It ends at once
when another one holds the lock; its pid is in that file while it lives. Its log begins anew.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def main() -> None:
    """Take the lock, then run until SIGTERM."""
    # A bare descriptor: no clean-up of Python's closes it before the process is gone.
    lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    os.truncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    with suppress(OSError):  # a terminal has no beginning to go back to
        os.ftruncate(sys.stdout.fileno(), 0)
    _serve(sys.argv[2:])


def _serve(options: list[str]) -> None:
    # jsonschema, which Jupyter loads, would spend 1.3 s on the grammar of IRIs if it found it. It
    # can do without, no schema of Jupyter's has one, and here are no extensions of others.
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    modules["rfc3987_syntax"] = None  # `import` raises ImportError
    from traitlets.config import Config  # noqa: PLC0415  a second one shall end before all that

    from mlx_manager_jupyter.extension.app import MLXManager  # noqa: PLC0415  the same

    MLXManager.load_other_extensions = False
    # Nobody logs in: commands come through the door. A token that Jupyter makes up by itself it
    # would also print into its log.
    config = Config({"IdentityProvider": {"token": secrets.token_urlsafe(32)}})
    # Jupyter's method has no types.
    MLXManager.initialize_server(options, config=config).start()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
