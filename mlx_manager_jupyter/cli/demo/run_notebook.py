"""Run a notebook and report each cell, as a process of its own.

``python -m mlx_manager_jupyter.cli.demo.run_notebook NOTEBOOK`` writes a `Cell` as a JSON line to
stdout after each code cell. Being the main thread of a process is what nbclient is made for: its
signal handlers end the kernel on SIGTERM, and a kernel whose parent vanished ends by itself.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: Enough for a model of gigabytes on a slow machine; the demo's takes ten seconds.
CELL_SECONDS = 600

OPTIONS = [
    # The kernel would warn that it listens on a loopback port, as every kernel does.
    "--IPKernelApp.log_level=ERROR",
    # A check is no part of the user's history.
    "--HistoryManager.hist_file=:memory:",
]
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Cell(msgspec.Struct):
    """A code cell that has run."""

    source: str
    output: str
    """What it shows, as text: Markdown and streams in full, other outputs in words."""
    error: str | None = None
    """Why the run ends here."""
    traceback: list[str] = []


def run(path: str) -> int:
    """Run all cells of the notebook at ``path``; the exit code is 1 if one failed."""
    import nbformat  # noqa: PLC0415  the parent needs `Cell` alone
    from nbclient import NotebookClient  # noqa: PLC0415
    from nbclient.exceptions import CellExecutionError, DeadKernelError  # noqa: PLC0415

    # The kernel inherits the descriptors 0 to 2: what it writes must not get between our lines.
    lines = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def report(cell: NotebookNode, **found: Any) -> None:
        made = Cell(source=cell.source, output=said(cell), **found)
        lines.write(msgspec.json.encode(made) + b"\n")

    def executed(cell: NotebookNode, execute_reply: dict[str, Any], **_: object) -> None:
        reply = execute_reply["content"]
        if reply["status"] == "ok":
            report(cell)
            return
        error = f"{reply['ename']}: {reply['evalue']}"
        report(cell, error=error, traceback=ANSI.sub("", "\n".join(reply["traceback"])).split("\n"))

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_SECONDS,
        on_cell_executed=executed,
        extra_arguments=OPTIONS,
    )
    try:
        client.execute()
    except CellExecutionError:
        return 1  # reported
    except DeadKernelError:
        lines.write(msgspec.json.encode(Cell("", "", error="The kernel died.")) + b"\n")
        return 1
    return 0


def said(cell: NotebookNode) -> str:
    """What a cell shows, as text."""
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


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1]))
    except KeyboardInterrupt:
        # At once: what nbclient clean-up is left would only print traces of a loop that is gone.
        os._exit(130)
