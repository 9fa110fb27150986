"""The newest rows: a file of lines that one process alone appends to, for as long as it lives."""

from __future__ import annotations

import fcntl
import os
import secrets
from typing import TYPE_CHECKING, Self

import msgspec

from mlx_manager_jupyter.adapters.request_log.columns import no_pause
from mlx_manager_jupyter.schema import RequestRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

SUFFIX = ".lines"
END = b"\n"
#: Lines read at a time: msgspec keeps all other threads waiting meanwhile, here 1 ms.
AT_ONCE = 256

_decoder = msgspec.json.Decoder(RequestRecord)


class LineFile:
    """Rows as lines of JSON. It is locked: what nobody holds belongs to who takes it over."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        kept = path.read_bytes()
        self._size = kept.rfind(END) + 1
        self.rows = kept.count(END)
        if self._size < len(kept):  # its writer was killed, or the machine, within a line
            os.ftruncate(descriptor, self._size)

    @classmethod
    def create(cls, folder: Path) -> Self:
        """A new one, under a name that nobody else has."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND
        while True:
            path = folder / f"{secrets.token_hex(6)}{SUFFIX}"
            descriptor = os.open(path, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # in this very moment another one took it over
                os.close(descriptor)
            else:
                return cls(path, descriptor)

    @classmethod
    def take_over(cls, path: Path) -> Self | None:
        """One that an earlier process left; None if it is still somebody's."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, descriptor):
                return cls(path, descriptor)
        except BlockingIOError:
            pass
        os.close(descriptor)
        return None

    @property
    def is_there(self) -> bool:
        """False once somebody has deleted it: what is written to it is lost."""
        return _is_at(self.path, self._descriptor)

    def append(self, rows: Iterable[bytes]) -> None:
        """Write rows, all or none.

        Raises:
            OSError: there is no room, or the like.
        """
        lines = [row + END for row in rows]
        data = memoryview(b"".join(lines))
        try:
            done = 0
            while done < len(data):
                done += os.write(self._descriptor, data[done:])
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(data)
        self.rows += len(lines)

    def close(self) -> None:
        """Leave it to who comes next."""
        os.close(self._descriptor)


def read_lines(data: bytes, pause: Callable[[], None] = no_pause) -> Iterator[RequestRecord]:
    """The rows of a file of lines. A line that is none is left out: the next one is good again."""
    whole = data[: data.rfind(END) + 1]
    begin = 0
    while begin < len(whole):
        end = begin
        for _ in range(AT_ONCE):
            end = whole.find(END, end) + 1
            if end == len(whole):
                break
        yield from _decoded(whole[begin:end])
        pause()
        begin = end


def _decoded(lines: bytes) -> Iterator[RequestRecord]:
    try:
        yield from _decoder.decode_lines(lines)
    except (msgspec.DecodeError, UnicodeDecodeError):
        for line in lines.split(END):
            try:
                yield _decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
