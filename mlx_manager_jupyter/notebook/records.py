"""Records as a list that shows itself as a table and becomes a DataFrame."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec

from mlx_manager_jupyter.notebook.display import listing
from mlx_manager_jupyter.schema import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from mlx_manager_jupyter.notebook.display import Bundle
    from mlx_manager_jupyter.notebook.table import Column

R = TypeVar("R", bound=Record)


class Records(list[R]):
    """Base of what ``mlx.models()`` and the like return."""

    _kind: ClassVar[type[Record]]
    """Whose fields are the columns of the frame, also of an empty one."""
    _nothing: str
    """What is said in place of an empty table, with the way to the first entry."""

    def to_frame(self) -> pd.DataFrame:
        """One row a record, one column a field."""
        import pandas as pd  # noqa: PLC0415  a third of a second that few calls need

        columns = list(self._kind.__struct_fields__)
        return pd.DataFrame([msgspec.structs.asdict(each) for each in self], columns=columns)

    def _columns(self) -> Sequence[Column]:
        """What the table says."""
        raise NotImplementedError

    def _cell(self, column: Column, row: int) -> str:
        """The HTML of one cell."""
        return escape(column.cells[row])

    def _foot(self) -> Sequence[str]:
        """Lines below the table."""
        return ()

    def _repr_html_(self) -> str:
        return self._bundle()["text/html"]

    def __repr__(self) -> str:
        return self._bundle()["text/plain"]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ANN401, ARG002, FBT001  IPython's
        printer.text(repr(self))

    def _bundle(self) -> Bundle:
        if not self:
            return {"text/html": f"<p>{escape(self._nothing)}</p>", "text/plain": self._nothing}
        return listing(self._columns(), self._cell, self._foot())
