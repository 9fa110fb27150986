"""What services use: typed tables with transactions, on TinyDB."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from tinydb import Storage
from tinydb.table import Document, Table

from mlx_manager_jupyter.adapters.storage.disk import explained
from mlx_manager_jupyter.adapters.storage.document import TABLES, Stored
from mlx_manager_jupyter.adapters.storage.lock import locked
from mlx_manager_jupyter.adapters.storage.state_file import StateFile
from mlx_manager_jupyter.errors import InvalidValue, StoreUnusable

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator
    from pathlib import Path

    from mlx_manager_jupyter.adapters.storage.document import State

T = TypeVar("T", bound=Stored)


class _Memory(Storage):
    """Where TinyDB reads and writes while a transaction is open: the state in memory."""

    def __init__(self, state: State) -> None:
        self._state = state

    def read(self) -> dict[str, Any]:
        return self._state.tables

    def write(self, data: dict[str, Any]) -> None:
        self._state.tables = data
        self._state.changed = True


class _Table(Table):
    """A table whose row ids are names: TinyDB allows it, though its annotations say int."""

    document_id_class: Any = str


def _id(name: str) -> Any:  # noqa: ANN401  see _Table
    return name


class Store:
    """Typed tables in one file; safe between threads and between processes.

    Blocking: call it through ``asyncio.to_thread``. Every method raises `StoreUnusable` if the file
    can't be read or written, stays locked for too long, or was written by a newer version; the file
    is then as it was before.
    """

    def __init__(self, path: Path, *, lock_timeout_seconds: float = 10.0) -> None:
        self.path = path
        self._file = StateFile(path)
        self._between_threads = threading.Lock()
        self._between_processes = path.with_name(path.name + ".lock")
        self._lock_timeout_seconds = lock_timeout_seconds
        self._here = threading.local()

    @property
    def notices(self) -> builtins.list[str]:
        """What was repaired, in words for the user, oldest first."""
        return self._file.notices

    def stamp(self) -> tuple[int, ...]:
        """Changes when any process changed the file; costs one ``stat``."""
        return self._file.stamp()

    def get(self, kind: type[T], name: str) -> T | None:
        """The record of that name, or None."""
        row = self._table(kind).get(doc_id=_id(name))
        return None if row is None else msgspec.convert(row, kind)

    def list(self, kind: type[T]) -> builtins.list[T]:
        """All records of one kind, in the order in which they were first put."""
        return [msgspec.convert(row, kind) for row in self._table(kind)]

    def put(self, record: Stored) -> None:
        """Store a record under its name, in place of the one that has it.

        Raises:
            InvalidValue: it could not be read back, so it must not go in.
        """
        try:
            row = msgspec.json.decode(msgspec.json.encode(record))
            msgspec.convert(row, type(record))
        except ValueError as error:
            raise InvalidValue(f"{record.name!r} can't be stored: {error}.") from error
        with self.transaction():
            self._table(type(record)).upsert(Document(row, doc_id=_id(record.name)))

    def delete(self, kind: type[T], name: str) -> bool:
        """Forget a record; False if there was none."""
        with self.transaction():
            table = self._table(kind)
            # Asked first: TinyDB would write even if it removes nothing.
            return table.contains(doc_id=_id(name)) and bool(table.remove(doc_ids=[_id(name)]))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Read and change with nobody between: one write at the end, none if the body raises.

        Holds the lock between processes, starts from what is on disk now, and may be entered again
        by the same thread. A read that decides about a write belongs in here.
        """
        if (outer := self._state_here()) is not None:
            with outer.savepoint():
                yield
            return
        with self._between_threads, self._locked():
            state = self._file.load()
            # Before the body: a repair that was said must last, whatever the body does.
            self._file.save(state)
            self._here.state = state
            try:
                yield
            finally:
                self._here.state = None
            self._file.save(state)

    def _table(self, kind: type[T]) -> _Table:
        return _Table(_Memory(self._state_here() or self._state_on_disk()), TABLES[kind])

    def _state_here(self) -> State | None:
        """What this thread's open transaction works on."""
        state: State | None = getattr(self._here, "state", None)
        return state

    def _state_on_disk(self) -> State:
        """Read without the lock; only a file in need of repair makes a writer of a reader."""
        while (state := self._file.peek()) is None:
            with self.transaction():
                pass
        return state

    @contextmanager
    def _locked(self) -> Iterator[None]:
        file = self._between_processes
        with ExitStack() as held:
            with explained(self.path):
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                try:
                    held.enter_context(locked(file, self._lock_timeout_seconds))
                except TimeoutError as error:
                    raise StoreUnusable(
                        f"{self.path} is being changed by another process: it holds {file}.",
                        "If no Jupyter server is busy, one hangs: end it and try again.",
                    ) from error
            yield
