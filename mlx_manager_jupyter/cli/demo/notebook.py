"""The quick-start notebook: where it ships, and running it as a person would."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import mlx_manager_jupyter
from mlx_manager_jupyter.cli.demo.problems import DemoFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbformat import NotebookNode

NAME = "01_quickstart.ipynb"

#: Enough for a model of gigabytes on a slow machine; the demo's takes ten seconds.
CELL_SECONDS = 600

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def shipped() -> Path:
    """Path of the notebook: inside the installed package, or beside it in a checkout."""
    package = Path(mlx_manager_jupyter.__file__).parent
    folders = (package / "notebooks", package.parent / "notebooks")
    return next(folder / NAME for folder in folders if (folder / NAME).is_file())


def place(folder: Path) -> tuple[Path, bool]:
    """Copy the notebook into ``folder`` unless one is there: people write into theirs.

    Returns:
        its path, and whether it was copied just now.
    """
    target = folder / NAME
    if target.exists():
        return target, False
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(shipped(), target)
    return target, True


def execute(path: Path, env: dict[str, str], seen: Callable[[NotebookNode], None]) -> NotebookNode:
    """Run all cells in a new kernel, and end the kernel whatever happens.

    Args:
        path: the notebook; the file is not changed.
        env: the kernel's environment.
        seen: called with each code cell after it has run.

    Returns:
        the notebook with its outputs.

    Raises:
        DemoFailed: a cell failed.
    """
    import nbformat  # noqa: PLC0415  slow, and only a check needs them
    from jupyter_client.manager import KernelManager  # noqa: PLC0415
    from nbclient import NotebookClient  # noqa: PLC0415
    from nbclient.exceptions import CellExecutionError, DeadKernelError  # noqa: PLC0415

    notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    kernel = KernelManager(kernel_name="python3")
    client = NotebookClient(
        notebook,
        km=kernel,
        timeout=CELL_SECONDS,
        on_cell_executed=lambda cell, **_: seen(cell),
        on_cell_error=lambda cell, **_: seen(cell),
    )
    # The manager is ours and nbclient works in another thread: there it leaves our signal handlers
    # alone, and however this block ends, the kernel ends with it, and so does that thread.
    kernel.start_kernel(env=env)
    try:
        with ThreadPoolExecutor(1) as pool:
            try:
                pool.submit(client.execute).result()
            finally:
                kernel.shutdown_kernel(now=True)
    except CellExecutionError as error:
        raise DemoFailed(
            f"A cell failed: {error.ename}: {error.evalue}",
            log_tail=ANSI.sub("", error.traceback).splitlines()[-12:],
        ) from None
    except DeadKernelError:
        raise DemoFailed("The notebook's kernel died.") from None
    return notebook


def said(cell: NotebookNode) -> str:
    """What a cell shows, as text: Markdown and streams in full, other outputs in words."""
    parts = []
    for output in cell.get("outputs", ()):
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append(f"{output.ename}: {output.evalue}")
        else:
            data = output.data
            parts.append(data.get("text/markdown") or data.get("text/plain") or "")
    return ANSI.sub("", "\n".join(part.strip() for part in parts if part.strip()))
