"""``jupyter mlx logs``."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

from mlx_manager_jupyter.cli.connect import add_json, connected, tell
from mlx_manager_jupyter.notebook.options import LOGS
from mlx_manager_jupyter.schema import LogEnd, LogLine, LogRun

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``jupyter mlx``."""
    parser = nouns.add_parser(
        "logs",
        help="what a server writes",
        description="Print the last lines of a server's log. With -f go on with what comes, "
        "through restarts, until Ctrl-C or until the server has ended.",
    )
    for flags, more in LOGS:
        parser.add_argument(*flags, **more)
    parser.add_argument("-f", "--follow", action="store_true", help="go on with whatever it writes")
    add_json(parser)
    parser.set_defaults(run=_logs, parser=parser)


def _logs(args: argparse.Namespace) -> None:
    if args.follow and args.json:
        args.parser.error("a log that is followed is no single document: leave out --json or -f")
    with connected(args) as client:
        if args.follow:
            with closing(client.servers.follow(args.name, args.lines)) as events:
                _follow(events)
            return
        log = client.servers.logs(args.name, args.lines)
    if args.json:
        tell(log)
        return
    for line in log.lines:
        print(line)
    if not log.lines and args.lines:
        print("The log is empty so far.", file=sys.stderr)


def _follow(events: Iterable[LogRun | LogLine | LogEnd]) -> None:
    """Lines to stdout, and what happened between them to stderr."""
    runs = 0
    for event in events:
        match event:
            case LogLine(text=text):
                print(text, flush=True)
            case LogRun(name=name):
                runs += 1
                if runs > 1:
                    print(f"--- {name} was started again ---", file=sys.stderr, flush=True)
            case LogEnd(name=name, state=state, error=error):
                why = f": {error.message}" if error else ""
                print(f"--- {name} is {state}{why} ---", file=sys.stderr)
