"""``jupyter mlx daemon``: the extension without a Jupyter that people see."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlx_manager_jupyter.cli.connect import add_json, tell, terminal_for

if TYPE_CHECKING:
    import argparse


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``jupyter mlx``."""
    parser = nouns.add_parser(
        "daemon",
        help="what works in the background where no Jupyter runs",
        description="Commands start the daemon by themselves where no Jupyter server with MLX "
        "Manager runs: a Jupyter server of its own on this machine's loopback. It goes on after "
        "them, with downloads and servers, until it is stopped.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, run, says in (
        ("start", _start, "start it, if it does not run"),
        ("stop", _stop, "end it and the servers that nobody wants kept; downloads wait"),
        ("status", _status, "say whether it runs"),
    ):
        action = actions.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.")
        add_json(action)
        action.set_defaults(run=run)


def _start(args: argparse.Namespace) -> None:
    from mlx_manager_jupyter.client import daemon  # noqa: PLC0415  on use

    with terminal_for(args).late_step("Starting the daemon") as wait:
        daemon.start(wait, auto_start=True)
    _status(args)


def _stop(args: argparse.Namespace) -> None:
    from mlx_manager_jupyter.client import daemon  # noqa: PLC0415  on use

    with terminal_for(args).late_step("Stopping the daemon") as wait:
        was_there = daemon.stop(wait)
    if args.json:
        _status(args)
    else:
        print("The daemon is stopped." if was_there else "No daemon runs.", file=sys.stderr)


def _status(args: argparse.Namespace) -> None:
    from mlx_manager_jupyter.client import daemon  # noqa: PLC0415  on use

    found = daemon.running()
    if args.json:
        told = {"pid": found and found.pid, "url": found and found.url}
        tell({"running": found is not None, **told, "log": str(daemon.log_file())})
    elif found:
        print(f"The daemon runs as process {found.pid} and answers at {found.url}")
    else:
        print("No daemon runs.")
