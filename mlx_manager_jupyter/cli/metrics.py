"""``jupyter mlx metrics``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlx_manager_jupyter.cli.connect import add_json, connected, tell
from mlx_manager_jupyter.notebook.metrics_rows import machine, now_columns, past_columns
from mlx_manager_jupyter.notebook.options import METRICS
from mlx_manager_jupyter.notebook.table import line_width, plain
from mlx_manager_jupyter.schema import MetricsQuery

if TYPE_CHECKING:
    import argparse

    from mlx_manager_jupyter.schema import Metrics, MetricsHistory


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``jupyter mlx``."""
    parser = nouns.add_parser(
        "metrics",
        help="memory, processor, tokens per second and first tokens of each server",
        description="Show what each server and the machine do now, or what they did since a time "
        "of the last day.",
    )
    for flags, more in METRICS:
        parser.add_argument(*flags, **more)
    add_json(parser)
    parser.set_defaults(run=_metrics)


def _metrics(args: argparse.Namespace) -> None:
    with connected(args) as client:
        if args.since is None:
            _show_now(client.metrics.now(), args)
        else:
            _show_past(client.metrics.past(MetricsQuery(since=args.since)), args)


def _show_now(metrics: Metrics, args: argparse.Namespace) -> None:
    if args.json:
        tell(metrics)
        return
    if metrics.servers:
        print(plain(now_columns(metrics), line_width()))
    else:
        print("No server runs.", file=sys.stderr)
    print(machine(metrics))


def _show_past(history: MetricsHistory, args: argparse.Namespace) -> None:
    if args.json:
        tell(history)
    elif history.servers:
        print(plain(past_columns(history), line_width()))
    else:
        print("No server ran.", file=sys.stderr)
