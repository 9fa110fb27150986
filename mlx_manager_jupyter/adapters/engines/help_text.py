"""What an engine's own ``--help`` says: its long options, and the values that they take."""

from __future__ import annotations

import re
from functools import lru_cache

#: argparse and click begin the line of an option two columns in; explanations stand to the right.
_OPTION = re.compile(r"^ {1,6}(-{1,2}[A-Za-z].*?)(?: {2,}|$)", re.MULTILINE)
_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")

#: argparse writes ``--flag {a,b}``, click ``--flag [a|b]``.
_CHOICES = re.compile(r"(--[a-z][a-z0-9-]*)[ =](?:\{([^{}]+)\}|\[([^\[\]\s]*\|[^\[\]\s]*)\])")


@lru_cache(maxsize=32)
def flags_in(text: str) -> frozenset[str]:
    """Every long option that it lists; not those that an explanation only mentions."""
    return frozenset(flag for line in _OPTION.findall(text) for flag in _FLAG.findall(line))


@lru_cache(maxsize=32)
def choices_in(text: str) -> dict[str, tuple[str, ...]]:
    """The values that it lists for an option, by option."""
    found: dict[str, tuple[str, ...]] = {}
    for line in _OPTION.findall(text):
        for flag, braced, bracketed in _CHOICES.findall(line):
            found[flag] = tuple(re.split(r"[,|]", braced or bracketed))
    return found
