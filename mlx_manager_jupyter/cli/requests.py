"""``jupyter mlx requests``."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

import msgspec

from mlx_manager_jupyter.cli.connect import add_json, connected
from mlx_manager_jupyter.notebook.options import REQUESTS
from mlx_manager_jupyter.notebook.request_rows import request_columns
from mlx_manager_jupyter.notebook.table import line_width, plain
from mlx_manager_jupyter.schema import RequestRecord, RequestsQuery

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

#: Of a table; JSON and CSV have all.
LATEST = 20
#: More than the log keeps.
ALL = 10_000_000


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``jupyter mlx``."""
    parser = nouns.add_parser(
        "requests",
        help="what the gateway was asked: who, which model, tokens and timings",
        description="Show the newest requests to the gateway, oldest first. Prompts and answers "
        "are never stored.",
    )
    for flags, more in REQUESTS:
        parser.add_argument(*flags, **more)
    parser.add_argument("--csv", action="store_true", help="print CSV, with all fields")
    add_json(parser)
    parser.set_defaults(run=_requests)


def _requests(args: argparse.Namespace) -> None:
    whole = args.json or args.csv
    limit = args.limit or (ALL if whole else LATEST)
    query = RequestsQuery(since=args.since, server=args.server, limit=limit)
    with connected(args) as client:
        if args.json:
            _print_json(client.requests.lines(query))
            return
        if args.csv:
            _print_csv(client.requests.each(query))
            return
        found = client.requests.list(query)
    if found:
        print(plain(request_columns(found), line_width()))
    else:
        print("Nothing was asked.", file=sys.stderr)


def _print_json(lines: Iterable[bytes]) -> None:
    """One document, printed as it comes: there may be a million of them."""
    before = "["
    for line in lines:
        sys.stdout.write(f"{before}{line.decode()}")
        before = ",\n"
    print("[]" if before == "[" else "]")


def _print_csv(requests: Iterable[RequestRecord]) -> None:
    names = RequestRecord.__struct_fields__
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for each in requests:
        row = msgspec.to_builtins(each)
        writer.writerow([row[name] for name in names])
