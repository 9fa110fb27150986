"""``jupyter mlx demo --check``: the quick-start notebook for real, but without a browser."""

from __future__ import annotations

import os
import re
import tempfile
import textwrap
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from mlx_manager_jupyter.cli.demo import jupyter, model, notebook, profile
from mlx_manager_jupyter.cli.demo.problems import DemoFailed
from mlx_manager_jupyter.cli.terminal import Terminal
from mlx_manager_jupyter.client.daemon_lock import home
from mlx_manager_jupyter.client.discovery import VARIABLE
from mlx_manager_jupyter.errors import ExtensionUnreachable

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from mlx_manager_jupyter.cli.demo.run_notebook import Cell
    from mlx_manager_jupyter.client.client import Client

QUESTION = "What is the capital of France?"
ANSWER = "Paris"
#: What opens the small print (model, tokens, speed) below an answer.
FOOTER = "<small"


def check(args: Namespace) -> None:
    """Run the notebook against a real extension and the real engine, and print the answers.

    Nothing of the user's Jupyter is used or changed, and nothing is left running.

    Raises:
        DemoFailed: a cell failed, or the answer was wrong.
        MLXManagerError: the model can't be built, or Jupyter does not come up.
    """
    terminal, begun = Terminal(), monotonic()
    weights = model.ensure(args.home or home(), terminal)
    with tempfile.TemporaryDirectory(prefix="mlx-demo-") as folder:
        ran = _run(args, weights, Path(folder), terminal)
    answer = _answer(ran)
    if ANSWER not in answer:
        raise DemoFailed(f"Asked for the capital of France, the model said: {answer!r}")
    if args.json:
        cells = [{"source": cell.source, "output": cell.output} for cell in ran]
        told = {"model": str(weights), "answer": answer, "cells": cells}
        print(msgspec.json.encode(told | {"seconds": round(monotonic() - begun, 1)}).decode())
    else:
        print(f"The capital of France is known. ✓ {monotonic() - begun:.1f} s in all")


def _run(args: Namespace, weights: Path, folder: Path, terminal: Terminal) -> list[Cell]:
    own = {
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "MLX_MANAGER_HOME": str(args.home or folder / "home"),
    }
    options = [f"--ServerApp.root_dir={folder}", "--ServerApp.open_browser=False"]
    if args.port:
        options.append(f"--ServerApp.port={args.port}")
    log = folder / "jupyter.log"
    with jupyter.running("jupyter_server", options, own, terminal, log) as server:
        profile.ensure(server.client, weights)
        with _stopping_what_it_starts(server.client):
            return notebook.execute(
                notebook.shipped(),
                os.environ | own | {VARIABLE: str(server.connection)},
                lambda cell: None if args.json else _show(cell),
            )


@contextmanager
def _stopping_what_it_starts(client: Client) -> Iterator[None]:
    """The notebook stops its server itself, in its last cell, if it gets that far."""
    before = {server.name for server in client.servers.list()}
    try:
        yield
    finally:
        # If the extension is gone, so are its servers; and what happened first matters more.
        with jupyter.undisturbed(), suppress(ExtensionUnreachable):
            for server in client.servers.list():
                if server.name not in before:
                    client.servers.stop(server.name)


def _show(cell: Cell) -> None:
    print(textwrap.indent(cell.source, ">>> "), flush=True)
    if cell.output:
        print(re.sub("</?small[^>]*>", "", cell.output), flush=True)
    print(flush=True)


def _answer(ran: list[Cell]) -> str:
    cell = next(cell for cell in ran if QUESTION in cell.source)
    return cell.output.partition(FOOTER)[0].strip()
