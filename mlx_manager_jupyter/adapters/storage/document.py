"""What the bytes of the state file mean: schema number, migrations, rows that can't be read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Struct, field

from mlx_manager_jupyter.errors import StoreUnusable
from mlx_manager_jupyter.schema import (
    Profile,
    Record,
    StoredDownload,
    StoredEvidence,
    StoredExtension,
    StoredKey,
    StoredServer,
    StoredUsage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Migration = Callable[[dict[str, Any]], dict[str, Any]]

Stored = (
    Profile
    | StoredDownload
    | StoredEvidence
    | StoredExtension
    | StoredKey
    | StoredServer
    | StoredUsage
)

#: Which table keeps which record. Rows are keyed by ``record.name``.
TABLES: dict[type[Record], str] = {
    Profile: "profiles",
    StoredDownload: "downloads",
    StoredEvidence: "evidence",
    StoredExtension: "extensions",
    StoredKey: "keys",
    StoredServer: "servers",
    StoredUsage: "usage",
}

_MIGRATIONS: dict[int, Migration] = {}


def migration(number: int) -> Callable[[Migration], Migration]:
    """Register the step from a document of schema ``number - 1`` to one of ``number``.

    A step must accept any JSON object, for it may meet a file that somebody edited.
    """

    def register(step: Migration) -> Migration:
        _MIGRATIONS[number] = step
        return step

    return register


@migration(1)
def _names_for_numbers(document: dict[str, Any]) -> dict[str, Any]:
    """Schema 0 is what TinyDB writes by itself: tables at the top, rows with running numbers."""

    def name_of(number: str, row: object) -> str:
        name = row.get("name") if isinstance(row, dict) else None
        return name if isinstance(name, str) else number

    return {
        "schema": 1,
        "tables": {
            table: {name_of(number, row): row for number, row in rows.items()}
            if isinstance(rows, dict)
            else rows
            for table, rows in document.items()
            if table != "schema"
        },
    }


SCHEMA = max(_MIGRATIONS)


class Damaged(Exception):
    """The content is no state document; the message says why."""


class State(Struct):
    """All tables in memory."""

    tables: dict[str, Any] = field(default_factory=lambda: {name: {} for name in TABLES.values()})
    """``{table: {name: row}}``; tables this version does not know are carried along."""
    damaged: dict[str, Any] = field(default_factory=dict)
    """What no record can be made of, in the same shape; it is not in ``tables``."""
    changed: bool = False
    """Differs from what is on disk."""

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the body did if it raises."""
        before, changed = msgspec.json.encode(self.tables), self.changed
        try:
            yield
        except BaseException:
            self.tables, self.changed = msgspec.json.decode(before), changed
            raise


def dump(state: State) -> bytes:
    """The document of a state, indented for people who look."""
    document = {"schema": SCHEMA, "tables": state.tables}
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def parse(content: bytes, path: Path) -> State:
    """Read a document of any known schema number, and sort out its unreadable rows.

    ``path`` is for the message only.

    Raises:
        Damaged: it is no state document.
        StoreUnusable: a newer version wrote it.
    """
    try:
        document = msgspec.json.decode(content, type=dict[str, Any])
        number = msgspec.convert(document.get("schema", 0), Annotated[int, msgspec.Meta(ge=0)])
    except (ValueError, RecursionError) as error:
        raise Damaged(str(error)) from error
    if number > SCHEMA:
        raise StoreUnusable(
            f"{path} was written by a newer version of mlx-manager-jupyter"
            f" (schema {number}, this one knows {SCHEMA}). It was left as it is.",
            "Upgrade mlx-manager-jupyter, or set MLX_MANAGER_HOME to another folder.",
        )
    for step in range(number + 1, SCHEMA + 1):
        document = _MIGRATIONS[step](document)
    tables = document.get("tables")
    if not isinstance(tables, dict):
        raise Damaged("it has no tables")
    return State(tables, damaged=_take_damaged(tables), changed=number < SCHEMA)


def _take_damaged(tables: dict[str, Any]) -> dict[str, Any]:
    """Move everything that no record can be made of from ``tables`` into the answer."""
    taken: dict[str, Any] = {}
    for kind, table in TABLES.items():
        rows = tables.setdefault(table, {})
        if not isinstance(rows, dict):
            taken[table], tables[table] = rows, {}
            continue
        unreadable = [name for name, row in rows.items() if not _is_readable(kind, name, row)]
        if unreadable:
            taken[table] = {name: rows.pop(name) for name in unreadable}
    return taken


def _is_readable(kind: type[Record], name: str, row: object) -> bool:
    try:
        msgspec.convert(row, kind)
    except msgspec.ValidationError:
        return False
    return isinstance(row, dict) and row["name"] == name
