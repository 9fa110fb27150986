"""Options that a magic and a command have in common, so that both are learnt at once.

Pure, without IPython: the command line uses it too.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from mlx_manager_jupyter.notebook.durations import seconds_in
from mlx_manager_jupyter.notebook.moments import moment
from mlx_manager_jupyter.schema import EngineChoice, StartServer

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence
    from datetime import datetime

#: Flags, and what argparse's ``add_argument`` and IPython's ``argument`` take besides.
Option = tuple[tuple[str, ...], dict[str, Any]]

CAPABILITIES = ("vision", "tools", "reasoning", "embeddings", "audio")
SORTS = ("relevance", "downloads", "likes", "updated", "size", "name", "used")


def at_least(least: int) -> Callable[[str], int]:
    """A whole number that is not less than this."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ArgumentTypeError(f"{text!r} is no whole number") from None
        if number < least:
            raise ArgumentTypeError(f"{number} is less than {least}")
        return number

    return read


def time_in(text: str) -> float:
    """Seconds of ``20m``, ``1h30m``, ``45``."""
    try:
        return seconds_in(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def _moment(text: str) -> datetime:
    try:
        return moment(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def field(pair: str) -> tuple[str, Any]:
    """``temperature=0.2`` → name and number; what is no JSON is text."""
    name, equals, value = pair.partition("=")
    if not equals or not name.strip():
        raise ArgumentTypeError(f"{pair!r}: write it as field=value")
    try:
        return name.strip(), msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return name.strip(), value


SEARCH: Sequence[Option] = (
    (("words",), {"nargs": "*", "metavar": "WORDS", "help": "Words of a name, in any order."}),
    (("--author",), {"help": "Only models of this author."}),
    (
        ("--bits",),
        {
            "type": int,
            "action": "append",
            "default": [],
            "metavar": "N",
            "help": "Only with so many bits; may be given several times.",
        },
    ),
    (("--family",), {"help": "Only of this family, such as qwen3 or gemma3."}),
    *(
        ((f"--{name}",), {"action": "store_true", "help": f"Only with {name}."})
        for name in CAPABILITIES
    ),
    (
        ("--fits",),
        {"action": "store_true", "help": "Only what fits into the memory that is free now."},
    ),
    (("--downloaded",), {"action": "store_true", "help": "Only what is on this machine."}),
    (
        ("--sort",),
        {
            "choices": SORTS,
            "default": "relevance",
            "metavar": "S",
            "help": f"One of {', '.join(SORTS)}.",
        },
    ),
    (("--limit",), {"type": at_least(1), "default": 20, "metavar": "N", "help": "How many; 20."}),
    (
        ("--offset",),
        {"type": at_least(0), "default": 0, "metavar": "N", "help": "How many to pass over."},
    ),
)

PULL: Sequence[Option] = (
    (("model",), {"nargs": "+", "metavar": "MODEL", "help": "An id, or words that mean one."}),
    (("--revision",), {"help": "Branch, tag or commit; the latest by default."}),
    (
        ("--all",),
        {"action": "store_true", "help": "Every file of the repo, not only those MLX needs."},
    ),
    (
        ("--include",),
        {"action": "append", "default": [], "metavar": "P", "help": "Only files like this."},
    ),
    (
        ("--exclude",),
        {"action": "append", "default": [], "metavar": "P", "help": "No files like this."},
    ),
    (("--no-wait",), {"action": "store_true", "help": "Return before it is here."}),
)

_NO_WAIT: Option = (("--no-wait",), {"action": "store_true", "help": "Return before it is ready."})

#: Fields of a profile as ``--set field=value``; a command that makes profiles takes it, too.
SET: Option = (
    ("--set",),
    {
        "action": "append",
        "default": [],
        "type": field,
        "metavar": "FIELD=VALUE",
        "help": "Any field of a profile; as often as you like.",
    },
)

SERVE: Sequence[Option] = (
    (("target",), {"nargs": "+", "metavar": "MODEL|PROFILE", "help": "What to serve."}),
    (("--name",), {"help": "What to call the server."}),
    (
        ("--engine",),
        {"choices": get_args(EngineChoice), "metavar": "E", "help": "What runs it, or auto."},
    ),
    (
        ("--port",),
        {"type": int, "metavar": "P", "help": "Its port; by default the first free one."},
    ),
    (
        ("--context-length",),
        {"type": at_least(1), "metavar": "N", "help": "Tokens of a conversation to have room for."},
    ),
    (
        ("--ttl",),
        {"type": time_in, "metavar": "20m", "help": "End it after so long without a request."},
    ),
    (
        ("--keep",),
        {"action": "store_true", "default": None, "help": "Let it outlive Jupyter."},
    ),
    (
        ("--force",),
        {"action": "store_true", "help": "Start it though the memory says no."},
    ),
    _NO_WAIT,
    SET,
)

STOP: Sequence[Option] = (
    (("names",), {"nargs": "*", "metavar": "NAME", "help": "Servers to stop."}),
    (("--all",), {"action": "store_true", "help": "Stop all of them."}),
)

RESTART: Sequence[Option] = ((("name",), {"metavar": "NAME", "help": "The server."}), _NO_WAIT)

LOGS: Sequence[Option] = (
    (("name",), {"metavar": "NAME", "help": "The server."}),
    (
        ("-n", "--lines"),
        {"type": at_least(0), "default": 50, "metavar": "N", "help": "How many lines; 50."},
    ),
)

REQUESTS: Sequence[Option] = (
    (
        ("--since",),
        {"type": _moment, "metavar": "1h", "help": "Only what came since: 20m, 1h, 2026-01-31."},
    ),
    (("--server",), {"metavar": "NAME", "help": "Only what this server answered."}),
    (
        ("-n", "--limit"),
        {"type": at_least(1), "metavar": "N", "help": "The newest so many; 20 in a table."},
    ),
)

METRICS: Sequence[Option] = (
    (
        ("--since",),
        {"type": _moment, "metavar": "1h", "help": "What was since then: 20m, 1h, 2026-01-31."},
    ),
)


def served(given: Namespace) -> StartServer:
    """What `SERVE` read."""
    return StartServer(
        model=" ".join(given.target),
        name=given.name,
        engine=given.engine,
        port=given.port,
        context_length=given.context_length,
        ttl=given.ttl,
        keep=given.keep,
        force=given.force,
        set=dict(given.set),
    )


def searched(given: Namespace) -> dict[str, Any]:
    """What `SEARCH` read, as arguments of ``search``."""
    filters = ("author", "family", "fits", "downloaded", "sort", "limit", "offset", *CAPABILITIES)
    named = {name: getattr(given, name) for name in filters}
    return {"words": " ".join(given.words), "bits": tuple(given.bits), **named}


def pulled(given: Namespace) -> dict[str, Any]:
    """What `PULL` read, as arguments of ``pull``."""
    return {
        "model": " ".join(given.model),
        "revision": given.revision,
        "all": given.all,
        "include": tuple(given.include),
        "exclude": tuple(given.exclude),
        "wait": not given.no_wait,
    }
