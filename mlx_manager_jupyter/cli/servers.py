"""``jupyter mlx serve``, ``stop``, ``restart`` and ``ps``."""

from __future__ import annotations

import sys
from time import monotonic
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlx_manager_jupyter.cli.connect import add_json, connected, tell, terminal_for
from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook.options import RESTART, SERVE, STOP, served
from mlx_manager_jupyter.notebook.server_rows import doing, remarks, server_columns
from mlx_manager_jupyter.notebook.table import line_width, plain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from mlx_manager_jupyter.client.client import Client
    from mlx_manager_jupyter.client.feed import Feed
    from mlx_manager_jupyter.notebook.options import Option
    from mlx_manager_jupyter.schema import Server


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to ``jupyter mlx``."""
    _add(
        nouns.add_parser(
            "serve",
            help="start serving a model",
            description="Start serving a model, or a profile, and wait until it answers. Ctrl-C "
            "while it waits stops what it started.",
        ),
        SERVE,
        _serve,
    )
    stop = nouns.add_parser(
        "stop",
        help="stop servers",
        description="Stop servers; returns when their processes are gone and their memory is "
        "free. A failed one is listed no longer.",
    )
    _add(stop, STOP, _stop)
    stop.set_defaults(parser=stop)
    _add(
        nouns.add_parser(
            "restart",
            help="stop a server and start it again",
            description="Stop a server, start it again, and wait until it answers. Ctrl-C ends "
            "the wait alone.",
        ),
        RESTART,
        _restart,
    )
    _add(
        nouns.add_parser(
            "ps",
            help="what runs",
            description="List the servers: what runs, what starts, and what failed and why.",
        ),
        (),
        _ps,
    )


def _add(
    parser: argparse.ArgumentParser,
    options: Sequence[Option],
    run: Callable[[argparse.Namespace], None],
) -> None:
    for flags, more in options:
        parser.add_argument(*flags, **more)
    add_json(parser)
    parser.set_defaults(run=run)


def _serve(args: argparse.Namespace) -> None:
    wanted = served(args)
    with connected(args) as client:
        if args.no_wait:
            _told(client.servers.start(wanted).server, client.gateway_url, args)
            return

        def work(feed: Feed, show: Callable[[Server], object]) -> Server:
            return client.servers.serve(wanted, feed, show).server

        _wait(client, args, wanted.name or fmt.short_model(wanted.model or ""), work)


def _restart(args: argparse.Namespace) -> None:
    with connected(args) as client:
        if args.no_wait:
            _told(client.servers.restart(args.name), client.gateway_url, args)
            return

        def work(feed: Feed, show: Callable[[Server], object]) -> Server:
            return client.servers.ready(client.servers.restart(args.name), feed, show)

        _wait(client, args, args.name, work)


def _wait(
    client: Client,
    args: argparse.Namespace,
    what: str,
    work: Callable[[Feed, Callable[[Server], object]], Server],
) -> None:
    """Show how a start goes; with ``--json`` print the record however it ends."""
    from mlx_manager_jupyter.client.feed import Feed  # noqa: PLC0415  on use

    url = client.gateway_url  # first of all the daemon is started, which has a line of its own
    step = terminal_for(args).begin(what)
    begun = monotonic()
    seen: list[Server] = []

    def show(server: Server) -> None:
        seen[:] = [server]
        step.progress(f"{doing(server)} · {fmt.duration(monotonic() - begun)}")

    try:
        server = work(Feed(client), show)
    except BaseException as error:
        step.end("✗")
        if args.json and seen:
            tell(seen[0])
        if not isinstance(error, MLXManagerError):
            terminal_for(args).say(_interrupted(seen))
        raise
    step.end("✓ ready in")
    _told(server, url, args)


def _interrupted(seen: list[Server]) -> str:
    if not seen:
        return "Nothing was started."
    if seen[0].state == "stopped":
        return f"{seen[0].name} is stopped again."
    return f"{seen[0].name} goes on; see: jupyter mlx ps"


def _told(server: Server, url: str, args: argparse.Namespace) -> None:
    if args.json:
        tell(server)
    elif server.state == "ready":
        print(f"{server.name} answers at {url}")
        if server.note:
            print(server.note, file=sys.stderr)
    else:
        print(f"{server.name} is {server.state}; see: jupyter mlx ps")


def _stop(args: argparse.Namespace) -> None:
    if bool(args.names) == args.all:
        args.parser.error("say which servers to stop, or --all")
    stopped: list[Server] = []
    failures: list[MLXManagerError] = []
    with connected(args) as client:
        known = {server.name: server for server in client.servers.list()}
        for name in dict.fromkeys(known if args.all else args.names):
            try:
                with terminal_for(args).late_step(f"Stopping {name}"):
                    client.servers.stop(name)
            except MLXManagerError as error:  # the others are to be stopped all the same
                failures.append(error)
                continue
            if name in known:
                stopped.append(replace(known[name], state="stopped", pid=None))
            if not args.json:
                print(f"{name} is stopped.")
    if args.json and not failures:
        tell(stopped)
    elif args.all and not known:
        print("No server runs.", file=sys.stderr)
    for failure in failures[:-1]:
        print(f"jupyter mlx: {failure}", file=sys.stderr)
    if failures:
        raise failures[-1]


def _ps(args: argparse.Namespace) -> None:
    with connected(args) as client:
        status = client.status()
    if args.json:
        tell(status.servers)
    elif status.servers:
        print(plain(server_columns(status.servers, status.loads), line_width()))
        for remark in remarks(status.servers):
            print(remark)
    else:
        print("No server runs. Start one with: jupyter mlx serve MODEL", file=sys.stderr)
