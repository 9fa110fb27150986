"""Options that a magic and a command have in common, so that both are learnt at once.

Pure, without IPython: the command line uses it too.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

#: Flags, and what argparse's ``add_argument`` and IPython's ``argument`` take besides.
Option = tuple[tuple[str, ...], dict[str, Any]]

CAPABILITIES = ("vision", "tools", "reasoning", "embeddings", "audio")
SORTS = ("relevance", "downloads", "likes", "updated", "size", "name", "used")


def _from(least: int) -> Callable[[str], int]:
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
    (("--limit",), {"type": _from(1), "default": 20, "metavar": "N", "help": "How many; 20."}),
    (
        ("--offset",),
        {"type": _from(0), "default": 0, "metavar": "N", "help": "How many to pass over."},
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
