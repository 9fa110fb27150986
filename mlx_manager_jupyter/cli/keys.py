"""``jupyter mlx keys``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlx_manager_jupyter.cli.connect import add_json, connected, tell, terminal_for
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook.options import at_least, time_in
from mlx_manager_jupyter.notebook.rows import since
from mlx_manager_jupyter.notebook.table import Column, line_width, plain

if TYPE_CHECKING:
    import argparse

    from mlx_manager_jupyter.schema import Key


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``jupyter mlx``."""
    parser = nouns.add_parser(
        "keys",
        help="see, make and revoke keys of the gateway",
        description="The gateway opens to its own keys alone. Kernels make theirs by themselves; "
        "other tools need one that you make. It holds for every Jupyter server of yours, and "
        "after a restart too.",
    )
    add_json(parser)
    parser.set_defaults(run=_list)
    actions = parser.add_subparsers(metavar="ACTION")
    add_json(actions.add_parser("list", help="all of them; this is the default"))

    create = actions.add_parser(
        "create",
        help="make one and print its secret, this once",
        description="Make a key and print its secret: this once, for only a digest is kept.",
    )
    create.add_argument("label", metavar="LABEL", help="what it is for, as the list shows it")
    create.add_argument(
        "--expires", type=time_in, metavar="TIME", help="how long it is valid, as 30d or 12h"
    )
    create.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="NAME",
        help="open this profile alone; may be given several times",
    )
    create.add_argument(
        "--rate", type=at_least(1), metavar="N", help="requests that it may make in a minute"
    )
    add_json(create)
    create.set_defaults(run=_create)

    revoke = actions.add_parser("revoke", help="end keys at once")
    revoke.add_argument("ids", metavar="ID", nargs="+", help="as the list shows it")
    add_json(revoke)
    revoke.set_defaults(run=_revoke)


def _list(args: argparse.Namespace) -> None:
    with connected(args) as client:
        keys = client.keys.list()
    if args.json:
        tell(keys)
    elif keys:
        print(plain(_columns(keys), line_width()))
    else:
        print("There is no key. Make one: jupyter mlx keys create LABEL", file=sys.stderr)


def _columns(keys: list[Key]) -> list[Column]:
    return [
        Column("id", [key.id for key in keys]),
        Column("label", [key.label for key in keys]),
        Column("expires", [_expires(key) for key in keys]),
        Column("profiles", [", ".join(key.profiles) for key in keys], rank=1),
        Column("per minute", [str(key.requests_per_minute or "") for key in keys], rank=2),
        Column("last used", [since(key.last_used_at) for key in keys], rank=3),
        Column("made", [since(key.created_at) for key in keys], rank=4),
        Column("for", [_holder(key) for key in keys], rank=5),
    ]


def _expires(key: Key) -> str:
    if key.pid is not None and key.expires_at is None:
        return "with its process"
    if key.expires_at is None:
        return "never"
    left = (key.expires_at - datetime.now(UTC)).total_seconds()
    return f"in {fmt.duration(left)}" if left > 0 else "expired"


def _holder(key: Key) -> str:
    return key.notebook or ("" if key.pid is None else f"process {key.pid}")


def _create(args: argparse.Namespace) -> None:
    with connected(args) as client:
        made = client.keys.create(
            args.label,
            expires_in_seconds=args.expires,
            profiles=args.profile,
            requests_per_minute=args.rate,
        )
        url = client.gateway_url
    if args.json:
        tell(made)
        return
    print(made.secret)
    terminal = terminal_for(args)
    terminal.say(f"It opens {url} and is shown this once: nobody can look it up.")
    terminal.say(f"To end it: jupyter mlx keys revoke {made.key.id}")


def _revoke(args: argparse.Namespace) -> None:
    revoked = []
    with connected(args) as client:
        for key_id in dict.fromkeys(args.ids):
            client.keys.revoke(key_id)
            revoked.append(key_id)
            if not args.json:
                print(f"{key_id} is revoked.")
    if args.json:
        tell([{"id": key_id} for key_id in revoked])
