"""What an installer's words mean: pip's and uv's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import DiskFull, InstallFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlx_manager_jupyter.errors import MLXManagerError

#: Lines of the log that an error carries.
TAIL = 20

_UNREACHABLE = re.compile(
    r"NameResolutionError|Failed to resolve|ConnectTimeout|NewConnectionError|dns error|"
    r"Could not connect|error sending request|Connection refused"
)
_UNSOLVABLE = re.compile(r"ResolutionImpossible|conflicting dependencies|No solution found")
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded")
_NO_VENV = re.compile(r"ensurepip is not available|No module named '?(?:ensurepip|venv)")

#: How both of them begin the line that says why.
_REASON = re.compile(r"^\s*(?:ERROR:|error:|[\u00d7]|[\u2570]\S+)\s*(.+)")


def failure(what: str, lines: Sequence[str]) -> MLXManagerError:
    """The error for a command that failed.

    Args:
        what: was attempted, as ``mlx-lm 0.32.2``.
        lines: that it printed.
    """
    tail = lines[-TAIL:]
    text = "\n".join(lines)
    if _NO_SPACE.search(text):
        return DiskFull(f"The disk was full before {what} was installed.", "Free some space.", tail)
    if _NO_VENV.search(text):
        return InstallFailed(
            "This Python can make no environments: its venv is not installed.",
            "Debian, Ubuntu: apt install python3-venv. Or install uv.",
            tail,
        )
    if _UNREACHABLE.search(text):
        return InstallFailed(
            f"The package index can't be reached, so {what} can't be installed.",
            "Connect and try again. An index or a proxy of your own: tell pip (pip config set), or "
            "uv (UV_DEFAULT_INDEX).",
            tail,
        )
    if _unknown(what, text):
        return InstallFailed(
            f"There is no {what} for this machine and its Python.",
            "Choose another --version.",
            tail,
        )
    if _UNSOLVABLE.search(text):
        return InstallFailed(
            f"No versions of what {what} needs fit together on this machine.",
            "Choose another --version; the log says what contradicts what.",
            tail,
        )
    reasons = [found[1] for line in lines if (found := _REASON.match(line))]
    why = f": {reasons[-1].rstrip('.')}" if reasons else ""
    return InstallFailed(f"{what} could not be installed{why}.", "The log says more.", tail)


def _unknown(what: str, text: str) -> bool:
    """Whether it is the package itself that nobody has, and not one that it needs."""
    name = re.escape(what.replace(" ", "=="))
    return bool(
        re.search(
            rf"No matching distribution found for {name}$|no version of {name}\b|"
            rf"\b{name} was not found in",
            text,
            re.MULTILINE,
        )
    )
