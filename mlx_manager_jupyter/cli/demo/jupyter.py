"""A Jupyter server of our own: started, found through its connection file, stopped for certain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.cli.demo.problems import DemoFailed
from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.errors import ExtensionUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlx_manager_jupyter.cli.terminal import Terminal


#: JupyterLab with a dozen foreign extensions on a slow disk takes its time.
START_SECONDS = 120.0
#: The extension stops its servers first, each within some 15 s.
STOP_SECONDS = 40.0
POLL_SECONDS = 0.05

ENABLED = "--ServerApp.jpserver_extensions={'mlx_manager_jupyter': True}"


class Jupyter:
    """A running Jupyter server with the extension. Made by `running`."""

    def __init__(self, process: subprocess.Popen[bytes], runtime_dir: Path) -> None:
        self.process = process
        self.connection = runtime_dir / f"mlx-manager-jupyter-{process.pid}.json"
        self.info = runtime_dir / f"jpserver-{process.pid}.json"
        """Jupyter's own description of itself: URL and token."""
        self.client = Client(lambda: read(self.connection))

    def wait_until_up(self) -> None:
        """Wait until the extension answers.

        Raises:
            DemoFailed: Jupyter ended, or came up without the extension.
        """
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self.process.poll() is not None:
                raise DemoFailed(f"Jupyter ended at once with code {self.process.returncode}.")
            with suppress(ExtensionUnreachable):
                self.client.status()
                return
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"Jupyter runs, but MLX Manager does not answer after {START_SECONDS:.0f} s.",
                    "Look whether it is enabled and OK: jupyter server extension list",
                )
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """End Jupyter, its kernels and its servers; returns when Jupyter is gone."""
        self.client.close()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def running(
    module: str,
    options: Sequence[str],
    env: dict[str, str],
    terminal: Terminal,
    log: Path | None = None,
) -> Iterator[Jupyter]:
    """Run ``python -m module`` until the block ends.

    Args:
        module: ``jupyterlab`` or ``jupyter_server``.
        options: its command line.
        env: what to set besides our own environment.
        terminal: sees how the start goes.
        log: file for its messages; ``None`` for our stderr.

    Raises:
        DemoFailed: Jupyter ended, or came up without the extension.
    """
    from jupyter_core.paths import jupyter_runtime_dir  # noqa: PLC0415  on use

    runtime_dir = Path(env.get("JUPYTER_RUNTIME_DIR") or jupyter_runtime_dir())
    # A session of its own: Ctrl-C reaches us alone, and we stop it in order. Asked on a terminal,
    # Jupyter would ask back whether it is meant.
    # Containers have no other user, and Jupyter would refuse.
    root = ["--allow-root"] if os.geteuid() == 0 else []
    with log.open("wb") if log else nullcontext(sys.stderr) as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, ENABLED, *root, *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | env,
            start_new_session=True,
        )
    jupyter = Jupyter(process, runtime_dir)
    try:
        with terminal.step("Starting Jupyter"):
            try:
                jupyter.wait_until_up()
            except DemoFailed as error:
                error.log_tail = tuple(_tail(log)) if log else ()
                raise
        yield jupyter
    finally:
        with undisturbed():
            jupyter.stop()


def _tail(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-20:]


@contextmanager
def undisturbed() -> Iterator[None]:
    """An impatient second Ctrl-C must not leave a model in memory; what stops has its own limit."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
