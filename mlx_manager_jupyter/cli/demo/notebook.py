"""The quick-start notebook: where it ships, and running it as a person would."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import mlx_manager_jupyter
from mlx_manager_jupyter.cli.demo.problems import DemoFailed
from mlx_manager_jupyter.cli.demo.run_notebook import Cell

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "01_quickstart.ipynb"

#: nbclient ends its kernel within a second or two.
STOP_SECONDS = 10.0


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


def execute(path: Path, env: dict[str, str], seen: Callable[[Cell], None]) -> list[Cell]:
    """Run all cells in a new kernel, and end the kernel whatever happens.

    Args:
        path: the notebook; the file is not changed.
        env: the kernel's environment.
        seen: called with each code cell after it has run, also with the one that failed.

    Raises:
        DemoFailed: a cell failed.
    """
    runner = [sys.executable, "-m", "mlx_manager_jupyter.cli.demo.run_notebook", str(path)]
    cells = []
    # A session of its own: Ctrl-C reaches us alone, and we stop it in order.
    with subprocess.Popen(runner, stdout=subprocess.PIPE, env=env, start_new_session=True) as run:
        assert run.stdout is not None  # noqa: S101  for the type checker
        try:
            for line in run.stdout:
                cell = msgspec.json.decode(line, type=Cell)
                cells.append(cell)
                seen(cell)
            run.wait()
        finally:
            _end(run)
    if cells and cells[-1].error:
        raise DemoFailed(f"A cell failed. {cells[-1].error}", log_tail=cells[-1].traceback[-12:])
    if run.returncode:
        raise DemoFailed(f"Running the notebook ended with code {run.returncode}.")
    return cells


def _end(run: subprocess.Popen[bytes]) -> None:
    run.terminate()  # does nothing to one that has ended
    try:
        run.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        run.kill()
