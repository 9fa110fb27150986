"""A command's way to the extension, the daemon's if there is no other, and how it prints."""

from __future__ import annotations

import argparse
import io
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from mlx_manager_jupyter.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.cli.terminal import Step
    from mlx_manager_jupyter.client.client import Client
    from mlx_manager_jupyter.schema import Catalogue, Connection


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``, which may stand after a command or after its action."""
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document"
    )


def terminal_for(args: argparse.Namespace) -> Terminal:
    """Where progress goes: nowhere if a program reads along, that must find nothing but errors."""
    quiet = args.json and not sys.stderr.isatty()
    return Terminal(io.StringIO() if quiet else sys.stderr)


@contextmanager
def connected(args: argparse.Namespace) -> Iterator[Client]:
    """A client of the extension; without one, the daemon is started.

    Raises:
        ExtensionUnreachable: there are several to choose from, or the daemon does not come up.
    """
    from mlx_manager_jupyter.client.client import Client  # noqa: PLC0415  on use

    client = Client(lambda: _door(terminal_for(args)))
    try:
        yield client
    finally:
        client.close()


@contextmanager
def explained(client: Client, args: argparse.Namespace) -> Iterator[None]:
    """Around a question about the Hub: say so while it waits for the catalogue."""
    from mlx_manager_jupyter.client.feed import Feed  # noqa: PLC0415  on use
    from mlx_manager_jupyter.client.patience import while_syncing  # noqa: PLC0415  on use

    terminal = terminal_for(args)
    steps: list[Step] = []

    def say(catalogue: Catalogue) -> None:
        if not steps:
            steps.append(terminal.begin("Reading the Hub's catalogue, once a day"))
        steps[0].progress(f"{catalogue.models:,} models")

    mark = "✗"
    try:
        with while_syncing(Feed(client), say):
            yield
        mark = "✓"
    finally:
        for step in steps:
            step.end(mark)


def tell(record: object) -> None:
    """Print a record, or several, as one JSON document."""
    print(msgspec.json.encode(record).decode(), flush=True)


def _door(terminal: Terminal) -> Connection:
    from mlx_manager_jupyter.client import daemon, discovery  # noqa: PLC0415  on use

    if found := discovery.named() or discovery.only_live():
        return found
    with terminal.late_step("Starting MLX Manager") as wait:
        return daemon.start(wait)
