"""What the lines of ``mlx.launch`` and of MLX's backends mean: none of them is said by one process.

When a rank ends, the launcher ends the others: those end by SIGTERM (-15), or it says that they
were killed. Its own exit code is 0 even then.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines.meaning import Meaning
from mlx_manager_jupyter.errors import (
    EngineCrashed,
    EngineMissing,
    InvalidValue,
    PortTaken,
    StartFailed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlx_manager_jupyter.errors import MLXManagerError

_SAID = "Node with rank "
_EXITED = r"Node with rank (\d+) exited with code "
_OTHERS = "so the other ranks were ended"

#: More telling than anything that the other ranks say when one is missing.
_FIRST = (
    Meaning(
        pattern=re.compile(r"\[ring\] Couldn't (?:bind|listen)"),
        error=PortTaken,
        message="Another program took one of the ports that the ranks talk through.",
        hint="Start again: other ports are chosen.",
    ),
    Meaning(
        pattern=re.compile(r"Failed to change directory to (.+)"),
        error=InvalidValue,
        message="A machine does not have the model's folder {0}.",
        hint="Put the model at the same path on every machine.",
    ),
    Meaning(
        pattern=re.compile(_EXITED + r"127\b"),
        error=EngineMissing,
        message="Rank {0} did not find the engine.",
        hint="Install it at the same path on every machine.",
    ),
    Meaning(
        pattern=re.compile(_EXITED + r"255\b"),
        error=EngineCrashed,
        message=f"Rank {{0}} could not be reached by ssh, {_OTHERS}.",
        hint="ssh has to reach every machine without asking for anything: try it by hand.",
    ),
    Meaning(
        pattern=re.compile(_EXITED + r"-9\b"),
        error=EngineCrashed,
        message=f"Rank {{0}} was killed, {_OTHERS}.",
        hint="If nobody did that, memory ran out: take a smaller model, or more machines.",
    ),
)
#: More telling than the traces of the other ranks, which lost a peer.
_CRASHED = (
    Meaning(
        pattern=re.compile(_EXITED + r"-(?!15\b)(\d+)"),
        error=EngineCrashed,
        message=f"Rank {{0}} crashed (signal {{1}}), {_OTHERS}.",
        hint="The log's last lines say what it was doing.",
    ),
)
#: Where nothing else says why.
_LAST = (
    Meaning(
        pattern=re.compile(_EXITED + r"(?!0\b)(\d+)"),
        error=EngineCrashed,
        message=f"Rank {{0}} ended by itself (exit code {{1}}), {_OTHERS}.",
        hint="The log's last lines say what it was doing.",
    ),
)


def diagnose_ranks(
    meanings: Sequence[Meaning], lines: Sequence[str], tail: Sequence[str]
) -> MLXManagerError | None:
    """Why several ranks ended; None where the launcher said nothing.

    The order of lines tells little: it passes on what one rank said after the other.

    Args:
        meanings: of the engine's own lines.
        lines: what was said last.
        tail: goes with the error.
    """
    told = _find(_FIRST, lines, tail)
    if told or not any(_SAID in line for line in lines):
        return told
    own = _find(meanings, lines, tail)
    if own and type(own) is not StartFailed:  # which also says of ranks that they lost another one
        return own
    return _find(_CRASHED, lines, tail) or own or _find(_LAST, lines, tail)


def _find(
    meanings: Sequence[Meaning], lines: Sequence[str], tail: Sequence[str]
) -> MLXManagerError | None:
    for meaning in meanings:
        for line in lines:
            if found := meaning.pattern.search(line):
                groups = found.groups() or ("",)
                return meaning.error(meaning.message.format(*groups), meaning.hint, tail)
    return None
