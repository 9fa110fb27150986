"""Where things of an engine lie: its packages, and the version that they have. Nothing is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where environments keep packages, below their prefix.
_PACKAGES = ("lib/python*/site-packages", "lib/python*/dist-packages", "Lib/site-packages")


def packages_of(command: Path) -> Iterator[Path]:
    """The folders of packages of the environment that the command belongs to."""
    for prefix in _prefixes(command):
        for place in _PACKAGES:
            yield from sorted(prefix.glob(place))


def version_of(command: Path, distribution: str) -> str | None:
    """The version that is installed with the command; None if that can't be told."""
    start = f"{distribution.replace('-', '_')}-"
    for packages in packages_of(command):
        for found in packages.glob(f"{start}*.dist-info"):
            return found.name.removeprefix(start).removesuffix(".dist-info")
    return None


def text_of(path: Path) -> str:
    """A file's text; that of a program, or of none, is of no use here."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _prefixes(command: Path) -> Iterator[Path]:
    """The environment that the command lies in, and that of the Python that runs it."""
    real = command.resolve()  # tools of uv and pipx are linked into a folder of commands
    yield real.parent.parent
    for word in re.findall(
        r"/[^\s'\"]*python[\d.]*", text_of(real)[:1000].replace("/usr/bin/env", "")
    ):
        yield Path(word).parent.parent  # not resolved: an environment's Python is a link out of it
