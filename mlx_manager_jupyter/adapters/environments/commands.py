"""Running a command: its lines, its end, and nothing left of it when it is cancelled."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

#: Seconds between asking a command to end and ending it.
GRACE = 3.0

#: Bytes of one line; longer ones come in parts.
LONGEST_LINE = 2**16

#: Name and password of a private index, which some messages show.
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")


async def run(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, line: Callable[[str], None]
) -> int:
    """Run a command in a session of its own and return its exit code.

    Cancelling ends the command and all that it started, before the cancellation goes on.

    Args:
        argv: program and arguments.
        env: its whole environment.
        cwd: where it works.
        line: is given each line that it prints, without logins.

    Raises:
        OSError: it can't be started.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=env,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        if process.stdout is not None:
            await _read(process.stdout, line)
        return await process.wait()
    finally:
        await _end(process)


async def _read(output: asyncio.StreamReader, line: Callable[[str], None]) -> None:
    kept = b""
    while part := await output.read(LONGEST_LINE):
        *whole, kept = (kept + part).replace(b"\r", b"\n").split(b"\n")
        if len(kept) > LONGEST_LINE:
            whole, kept = [*whole, kept], b""
        for each in whole:
            _tell(each, line)
    _tell(kept, line)


def _tell(content: bytes, line: Callable[[str], None]) -> None:
    if text := content.decode(errors="replace").rstrip():
        line(_LOGIN.sub("", text))


async def _end(process: asyncio.subprocess.Process) -> None:
    """End what is left of its session. Shielded by nobody: a second cancellation must not come."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):  # gone; macOS says so of zombies
            break
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await process.wait()
    await process.wait()
