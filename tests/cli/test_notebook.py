"""The quick-start notebook as a file, and running notebooks without a browser."""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from mlx_manager_jupyter.cli.demo import check, notebook
from mlx_manager_jupyter.cli.demo.problems import DemoFailed

if TYPE_CHECKING:
    from pathlib import Path


def shipped() -> Any:
    return json.loads(notebook.shipped().read_text(encoding="utf-8"))


def kernels() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it ends in this moment
            if any("ipykernel" in word for word in child.cmdline()):
                found.append(child)
    return found


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(*sources: str) -> Path:
        cells: list[dict[str, Any]] = [
            {"cell_type": "code", "id": f"c{number}", "metadata": {}, "source": source}
            | {"outputs": [], "execution_count": None}
            for number, source in enumerate(sources)
        ]
        path = tmp_path / "some.ipynb"
        content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        path.write_text(json.dumps(content))
        return path

    return write


def test_the_quick_start_ships_clean() -> None:
    content = shipped()
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    cells = content["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    assert any(check.QUESTION in "".join(cell["source"]) for cell in code)


def test_a_copy_is_placed_once(tmp_path: Path) -> None:
    copy, fresh = notebook.place(tmp_path / "demo")
    assert fresh
    assert copy.read_bytes() == notebook.shipped().read_bytes()
    copy.write_text("mine")
    assert notebook.place(tmp_path / "demo") == (copy, False)
    assert copy.read_text() == "mine"


def test_cells_are_shown_as_they_run_and_the_kernel_ends(write: Any) -> None:
    seen: list[str] = []
    path = write("print('one'); 1 + 1", "%env WHO", "display(b'')")
    notebook.execute(path, os.environ | {"WHO": "me"}, lambda cell: seen.append(cell.output))
    assert seen == ["one\n2", "'me'", "b''"]
    assert kernels() == []


def test_a_failing_cell_says_which_error_and_ends_the_run(write: Any) -> None:
    seen: list[str] = []
    with pytest.raises(DemoFailed, match="ZeroDivisionError: division by zero") as failed:
        notebook.execute(write("1/0", "2"), dict(os.environ), lambda cell: seen.append(cell.output))
    assert seen == ["ZeroDivisionError: division by zero"]
    assert not any("\x1b" in line for line in failed.value.log_tail)
    assert kernels() == []


def test_a_kernel_that_dies_is_an_error(write: Any) -> None:
    with pytest.raises(DemoFailed, match="The kernel died"):
        notebook.execute(write("import os; os._exit(1)"), dict(os.environ), lambda _: None)


def test_ctrl_c_ends_the_kernel(write: Any) -> None:
    def interrupt(_: object) -> None:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        notebook.execute(write("1", "import time; time.sleep(60)"), dict(os.environ), interrupt)
    assert kernels() == []
