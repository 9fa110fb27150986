"""One engine as it is installed, and what its own ``--help`` says. Blocking: it may be started."""

from __future__ import annotations

import hashlib
import os
import subprocess
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from mlx_manager_jupyter.adapters.engines.help_text import choices_in, flags_in
from mlx_manager_jupyter.errors import EngineMissing

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import EngineKind
    from mlx_manager_jupyter.schema.engines import EngineSource

#: Seconds for ``--help``: 1.5 to 6 s were measured, as it imports the engine.
HELP_TIMEOUT = 60.0


class Installation(Struct, frozen=True):
    """An engine that was found."""

    kind: EngineKind
    command: tuple[str, ...]
    """The program and its first words; empty for what needs none."""
    version: str | None = None
    source: EngineSource = "configured"
    told: str | None = None
    """Its help, where that is known without asking."""
    notes: Path | None = None
    """A folder where what it said is kept: asking takes seconds."""

    @property
    def path(self) -> str | None:
        """The executable; None for what needs none."""
        return self.command[0] if self.command else None

    @property
    def help(self) -> str:
        """What its own help says. Asked once for each version of the file.

        Raises:
            EngineMissing: it can't even print its help.
        """
        if self.told is not None:
            return self.told
        if not self.command:
            return ""
        try:
            changed = Path(self.command[0]).stat().st_mtime_ns
        except OSError as error:
            raise _broken(self.command, error) from error
        return _help(self.command, f"{changed} {self.version}", self.notes)

    @property
    def flags(self) -> frozenset[str]:
        """Its long options.

        Raises:
            EngineMissing: as `help` does.
        """
        return flags_in(self.help)

    def choices(self, flag: str) -> tuple[str, ...]:
        """The values that its help lists for a flag; empty where it lists none.

        Raises:
            EngineMissing: as `help` does.
        """
        return choices_in(self.help).get(flag, ())


@lru_cache(maxsize=32)
def _help(command: tuple[str, ...], stamp: str, notes: Path | None) -> str:
    name = hashlib.sha256("\0".join((*command, stamp)).encode()).hexdigest()[:32]
    note = notes / f"{name}.txt" if notes else None
    if note:
        with suppress(OSError, UnicodeDecodeError):
            return note.read_text("utf-8")
    text = _ask(command)
    if note:
        with suppress(OSError):  # then it is asked again
            note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            written = note.with_suffix(f".{os.getpid()}")
            written.write_text(text, "utf-8")
            written.replace(note)
    return text


def _ask(command: tuple[str, ...]) -> str:
    try:
        shown = subprocess.run(
            [*command, "--help"],
            capture_output=True,
            text=True,
            timeout=HELP_TIMEOUT,
            check=True,
            stdin=subprocess.DEVNULL,
            # Wide, so that no list of values is broken; quiet, so that nobody is asked on the way.
            env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "HF_HUB_OFFLINE": "1"},
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        raise _broken(command, error) from error
    return shown.stdout


def _broken(command: tuple[str, ...], error: Exception) -> EngineMissing:
    return EngineMissing(f"{command[0]} --help does not work: {error}", "Install the engine again.")
