"""Reading, writing and repairing the state file and its last good copy."""

from __future__ import annotations

import glob
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from mlx_manager_jupyter.adapters.storage.disk import content_of, explained, replace_all
from mlx_manager_jupyter.adapters.storage.document import Damaged, State, dump, parse

if TYPE_CHECKING:
    from pathlib import Path


class StateFile:
    """One file and its copy. Only `peek` and `stamp` may be called without holding the lock.

    Every method raises `StoreUnusable` if the files can't be used or come from a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notices: list[str] = []
        """What was repaired, in words for the user, oldest first."""
        self._copy = path.with_name(path.name + ".bak")

    def stamp(self) -> tuple[int, ...]:
        """Changes when the file does; costs one ``stat``. Empty while there is no file."""
        with explained(self.path):
            try:
                facts = self.path.stat()
            except FileNotFoundError:
                return ()
        return facts.st_ino, facts.st_mtime_ns, facts.st_size

    def peek(self) -> State | None:
        """The state as it is now, or None if the file needs a migration or a repair."""
        with explained(self.path):
            content = content_of(self.path)
            if content is None:
                return None if self._copy.exists() else State()
        try:
            state = parse(content, self.path)
        except Damaged:
            return None
        return None if state.damaged or state.changed else state

    def load(self) -> State:
        """The state; what is damaged is set aside, replaced by the last good copy, and said."""
        with explained(self.path):
            content = content_of(self.path)
            if content is None:
                if not self._copy.exists():
                    return State()
                return self._from_copy(f"The state file {self.path} was gone")
            try:
                state = parse(content, self.path)
            except Damaged as damage:
                aside = self._set_aside(self.path, content)
                return self._from_copy(
                    f"The state file {self.path} could not be read ({damage}),"
                    f" so it was set aside as {aside.name}"
                )
            if state.damaged:
                self._mend(state)
        return state

    def save(self, state: State) -> None:
        """Write a changed state to the file and to its copy; on an error both stay as they were."""
        if not state.changed:
            return
        with explained(self.path):
            # Only the holder of the lock writes, so these belong to writers that were killed.
            for left in self.path.parent.glob(f"{glob.escape(self.path.name)}.*.tmp"):
                left.unlink(missing_ok=True)
            content = dump(state)
            replace_all({self._copy: content, self.path: content})
        state.changed = False

    def _from_copy(self, what: str) -> State:
        content = content_of(self._copy)
        try:
            state = State() if content is None else parse(content, self._copy)
        except Damaged:
            aside = self._set_aside(self._copy, content or b"")
            what += f" and its copy as {aside.name}"
            content, state = None, State()
        outcome = "It starts empty." if content is None else "The last good copy took its place."
        self.notices.append(f"{what}. {outcome}")
        state.changed = True
        return state

    def _mend(self, state: State) -> None:
        """Fill the gaps of damaged rows from the last good copy, so that one typo costs nothing."""
        aside = self._set_aside(self.path, msgspec.json.encode(state.damaged))
        try:
            good = parse(content_of(self._copy) or b"", self._copy).tables
        except Damaged:
            good = State().tables
        for table, rows in state.damaged.items():
            lost = rows if isinstance(rows, dict) else good[table]
            back = {name: row for name, row in good[table].items() if name in lost}
            state.tables[table] |= back
            self.notices.append(
                f"In {self.path} some {table} could not be read: {', '.join(lost) or 'all'}."
                f" They were set aside in {aside.name};"
                f" from the last good copy came back: {', '.join(back) or 'none'}."
            )
        state.changed = True

    def _set_aside(self, path: Path, content: bytes) -> Path:
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside = path.with_name(f"{path.name}.damaged-{time}")
        replace_all({aside: content})
        return aside
