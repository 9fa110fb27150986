"""``search``, ``resolve`` and ``models``: what the magics of these names call."""

from __future__ import annotations

from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Self

from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.client.feed import shared_feed
from mlx_manager_jupyter.client.patience import while_syncing
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook import rows
from mlx_manager_jupyter.notebook.display import BAD, BUSY, GOOD, QUIET, Live, badge
from mlx_manager_jupyter.notebook.errors import short_errors
from mlx_manager_jupyter.notebook.records import Records
from mlx_manager_jupyter.schema import Model, ModelQuery

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlx_manager_jupyter.notebook.table import Column
    from mlx_manager_jupyter.schema import Catalogue, FitVerdict, ModelSort, ModelSource, Resolution

_FIT_COLOURS: dict[FitVerdict, str] = {"fits": GOOD, "tight": BUSY, "no": BAD}
#: All models of a machine are one page.
_ALL = 10_000


class Models(Records[Model]):
    """Models, as a list that shows itself as a table.

    Attributes:
        total: how many there are in all; these may be one page of them.
    """

    _kind = Model

    def __init__(
        self, models: Iterable[Model] = (), total: int | None = None, empty: str = ""
    ) -> None:
        super().__init__(models)
        self.total = len(self) if total is None else total
        self._nothing = empty or "No model."

    def _columns(self) -> Sequence[Column]:
        return rows.model_columns(self)

    def _foot(self) -> Sequence[str]:
        return [f"{len(self)} of {self.total:,} models."] if len(self) < self.total else []

    def _cell(self, column: Column, row: int) -> str:
        model, text = self[row], column.cells[row]
        if column.title == "model":
            author, slash, name = text.rpartition("/")
            quiet = f'<span style="{QUIET};font-weight:normal">{escape(author + slash)}</span>'
            return quiet + escape(name)
        if column.title == "fit" and model.fit:
            return badge(text, _FIT_COLOURS[model.fit], _room(model))
        if column.title == "can":
            return " ".join(
                badge(can, title=model.evidence.get(can, "")) for can in model.capabilities
            )
        return super()._cell(column, row)


class Resolved(str):
    """The id of the one model that loose words meant: a string to serve, pull or compare.

    Attributes:
        local: it is complete on this machine.
        candidates: others that the words could have meant, best first.
    """

    __slots__ = ("candidates", "local")

    local: bool
    candidates: tuple[str, ...]

    def __new__(cls, resolution: Resolution) -> Self:
        """Make one of the extension's answer."""
        found = super().__new__(cls, resolution.id)
        found.local = resolution.local
        found.candidates = resolution.candidates
        return found


@short_errors
def search(
    words: str = "",
    *,
    author: str | None = None,
    bits: int | Iterable[int] = (),
    family: str | None = None,
    vision: bool = False,
    tools: bool = False,
    reasoning: bool = False,
    embeddings: bool = False,
    audio: bool = False,
    fits: bool = False,
    downloaded: bool = False,
    sort: ModelSort = "relevance",
    limit: int = 20,
    offset: int = 0,
) -> Models:
    """Search the MLX models of the Hugging Face Hub.

    Args:
        words: of a name, in any order; typing errors are forgiven.
        author: only this author's.
        bits: only with so many, or one of several.
        family: such as ``qwen3``.
        vision: only what sees; the same for ``tools``, ``reasoning``, ``embeddings``, ``audio``.
        tools: see ``vision``.
        reasoning: see ``vision``.
        embeddings: see ``vision``.
        audio: see ``vision``.
        fits: only what is not known to be too large for the memory that is free now.
        downloaded: only what is complete on this machine.
        sort: ``relevance``, ``downloads``, ``likes``, ``updated``, ``size``, ``name``, ``used``.
        limit: how many at most.
        offset: how many of the best to pass over.

    Returns:
        The best first; ``total`` says how many there are in all.

    Raises:
        HubFailed: the Hub can't be asked, and nothing of it is known here.
        InvalidValue: an argument out of its range.
    """
    query = ModelQuery(
        source="hub",
        q=words,
        author=author,
        bits=(bits,) if isinstance(bits, int) else tuple(bits),
        family=family,
        vision=vision,
        tools=tools,
        reasoning=reasoning,
        embeddings=embeddings,
        audio=audio,
        fits=fits,
        downloaded=downloaded,
        sort=sort,
        limit=limit,
        offset=offset,
        details=True,
    )
    with explained():
        page = shared_client().models.search(query)
    return Models(page.models, page.total, "No model of the Hub is like that.")


@short_errors
def resolve(words: str, *, source: ModelSource = "hub") -> Resolved:
    """The one model that loose words mean: ``qwen3 8b 4bit``. Those of this machine come first.

    Args:
        words: a whole id, or what one remembers of it.
        source: ``local``: only models of this machine.

    Raises:
        AmbiguousModel: they mean several; ``candidates`` are the best of them.
        UnknownModel: they mean none; the hint names the nearest.
        HubFailed: only the Hub could say, and can't be asked.
    """
    with explained():
        return Resolved(shared_client().models.resolve(words, source))


@short_errors
def models() -> Models:
    """The models of this machine, complete or not.

    Raises:
        ExtensionUnreachable: no Jupyter server with the extension answers.
    """
    page = shared_client().models.search(ModelQuery(limit=_ALL))
    return Models(page.models, page.total, "No model is here yet. Get one with %mlx_pull MODEL.")


@contextmanager
def explained() -> Iterator[None]:
    """Around a question about the Hub: say so while it waits for the catalogue."""
    live = Live()

    def say(catalogue: Catalogue) -> None:
        text = f"Reading the Hub's catalogue, once a day: {catalogue.models:,} models so far …"
        live.tick({"text/html": f'<p style="{QUIET}">{text}</p>', "text/plain": text}, "syncing")

    try:
        with while_syncing(shared_feed(), say):
            yield
    finally:
        live.clear()


def _room(model: Model) -> str:
    if model.needed_bytes is None or model.spare_bytes is None:
        return ""
    needed, spare = fmt.memory(model.needed_bytes), model.spare_bytes
    left = f"{fmt.memory(spare)} to spare" if spare >= 0 else f"{fmt.memory(-spare)} too much"
    return f"needs {needed} of memory, {left}"
