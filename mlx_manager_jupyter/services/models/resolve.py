"""The one model that loose words mean, or an error that says which ones they could mean.

Tried in this order; *name* is what stands behind the author, and ``mlx`` in it counts for nothing.

==  ==========================================  ================================================
1   the words are an id, in any case            that model
2   they are a whole name, each word of it,     that model: ``qwen3 8b 4bit`` is Qwen3-8B-4bit,
    and perhaps words of its author             not Qwen3-8B-4bit-DWQ, not Qwen3-VL-8B-4bit.
                                                One without bits may be short for others, unless
                                                it is here or mlx-community's: then go to 4
3   every model with all the words has one      that model
    and the same name
4   several names have all the words            AmbiguousModel, with candidates
5   with typos corrected they are the whole     that model
    name of one model, and of no other
6   the like of the words are in several names  AmbiguousModel, with candidates
7   anything else                               UnknownModel, which names the nearest
==  ==========================================  ================================================

Several ids with one name are conversions of one model by different people: the one on this machine
is meant, then mlx-community's, then the one that is downloaded most. Other bits are another model.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import AmbiguousModel, UnknownModel
from mlx_manager_jupyter.schema import Resolution
from mlx_manager_jupyter.services.models.index import Index
from mlx_manager_jupyter.services.models.words import (
    MOST_CHARACTERS,
    MOST_TOKENS,
    NOISE,
    folded,
    is_number,
    is_precision,
    split_id,
    tokens,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from mlx_manager_jupyter.schema import Model

#: So many candidates are named,
MOST_CANDIDATES = 8
#: so many nearest ones,
MOST_NEAREST = 3
#: and so much of the words is repeated in an error.
MOST_SHOWN = 80
#: Combinations of corrections that are tried; with more, the words are a riddle.
MOST_CORRECTIONS = 200

#: Whose conversions people mean when they don't say whose.
CURATED = "mlx-community"


def resolve(words: str, models: Sequence[Model]) -> Resolution:
    """The model that the words mean; see the table above.

    It reads all names: about 0.1 s for 10,000, so not on the loop.

    Raises:
        AmbiguousModel: the words mean several; ``candidates`` are up to eight, those here first.
        UnknownModel: they mean none; the hint and ``candidates`` name the nearest.
    """
    known = _Known(models)
    if found := known.by_id(words) or known.by_name(words):
        return Resolution(
            id=found[0].id,
            local=found[0].complete,
            candidates=tuple(model.id for model in found[1 : 1 + MOST_CANDIDATES]),
        )
    shown = _shortened(words)
    if candidates := known.candidates(words):
        raise AmbiguousModel(
            f"{shown} can mean several models.",
            f"Say more of the name, or a whole id: {', '.join(candidates)}.",
            candidates=candidates,
        )
    nearest = known.nearest(words)
    raise UnknownModel(
        f"No model is called {shown}.",
        f"Near to it: {', '.join(nearest)}." if nearest else "Look for its name with a search.",
        candidates=nearest,
    )


class _Known:
    """The models with their index."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = models
        self._index = Index([m.id for m in models], [m.downloads or 0 for m in models])

    def by_id(self, words: str) -> list[Model]:
        """One, or none. Where ids differ in case alone, the one written like that is meant."""
        wanted = words.strip().rstrip("/")
        spoken = folded(wanted)
        alike = [model for model in self._models if folded(model.id) == spoken]
        return [model for model in alike if model.id == wanted][:1] or alike[:1]

    def by_name(self, words: str) -> list[Model]:
        """The conversions of the one model that the words name, the meant one first."""
        terms = self._terms(words)
        having = self._having(words, terms)
        covered = [place for place in having if self._covers(place, terms)]
        if found := self._same(covered, terms):
            return [] if self._is_doubtful(found[0], terms, having) else found
        return self._same(having) or self._corrected(terms)

    def candidates(self, words: str) -> list[str]:
        """Those that the words can mean if they mean several: here first, else best first."""
        having = set(self._having(words, self._terms(words)))
        found = [place for place in self._index.meeting(words) if not having or place in having]
        if len({self._name(place) for place in found}) < 2:  # noqa: PLR2004  nothing to choose
            return []
        found.sort(key=lambda place: _distance(self._models[place]))
        return [self._models[place].id for place in found[:MOST_CANDIDATES]]

    def nearest(self, words: str) -> list[str]:
        """Those most like the words, even if they lack some of them."""
        vocabulary = self._index.vocabulary
        terms = [t for t in self._terms(words) if t in vocabulary or not is_number(t)]
        fewer = [[*terms[:place], *terms[place + 1 :]] for place in reversed(range(len(terms)))]
        for attempt in (terms, *fewer, [term for term in terms if not is_number(term)]):
            if attempt and (found := self._index.search(" ".join(attempt))):
                return [self._models[place].id for place in found[:MOST_NEAREST]]
        return []

    def _terms(self, words: str) -> list[str]:
        """Nothing if the words are too many to be a name."""
        if len(words) > MOST_CHARACTERS:
            return []
        terms = [term for term in self._index.vocabulary.tokens(words) if term not in NOISE]
        return terms if len(terms) <= MOST_TOKENS else []

    def _name(self, place: int) -> tuple[str, ...]:
        return self._index.names[place]

    def _covers(self, place: int, terms: Collection[str]) -> bool:
        """Whether the terms, which the model has, are its whole name."""
        name = self._name(place)
        return bool(name) and set(name) <= set(terms)

    def _having(self, words: str, terms: Sequence[str]) -> list[int]:
        """Those with all terms; only the author's own if the words name a whole author."""
        having = self._index.having(set(terms))
        if not having:
            return []
        spoken = set(tokens(words))
        by_author = [
            place
            for place in having
            if spoken.issuperset(self._index.authors[place])
            and not set(self._index.authors[place]) <= set(self._index.names[place])
        ]
        return by_author or having

    def _is_doubtful(self, model: Model, terms: Sequence[str], having: Sequence[int]) -> bool:
        """Whether a whole name that says no bits may be short for one that does."""
        if model.complete or _is_curated(model) or any(map(is_precision, terms)):
            return False
        added = [set(self._name(place)) - set(terms) for place in having]
        return any(more and all(map(is_precision, more)) for more in added)

    def _same(self, places: Sequence[int], terms: Sequence[str] = ()) -> list[Model]:
        """The models if they all have one name; if not, those whose name has the terms' order."""
        if len({self._name(place) for place in places}) > 1:
            places = [place for place in places if terms and _ordered(self._name(place), terms)]
        if len({self._name(place) for place in places}) != 1:
            return []
        return sorted((self._models[place] for place in places), key=_preference)

    def _corrected(self, terms: Sequence[str]) -> list[Model]:
        found = {
            place
            for corrected in self._corrections(terms)
            for place in self._index.having(corrected)
            if self._covers(place, corrected)
        }
        return self._same(sorted(found))

    def _corrections(self, terms: Sequence[str]) -> Iterator[set[str]]:
        """The terms with the words that nobody has replaced by similar ones."""
        vocabulary = self._index.vocabulary
        choices = [
            [term] if term in vocabulary or is_number(term) else list(vocabulary.similar(term))
            for term in terms
        ]
        if prod(map(len, choices)) <= MOST_CORRECTIONS:
            yield from map(set, product(*choices))


def _preference(model: Model) -> tuple[bool, bool, bool, int, str]:
    """Of conversions of one model, the least is meant."""
    downloads = model.downloads or 0
    return not model.complete, not model.local, not _is_curated(model), -downloads, model.id


def _is_curated(model: Model) -> bool:
    return split_id(model.id)[0].casefold() == CURATED


def _distance(model: Model) -> tuple[bool, bool]:
    return not model.complete, not model.local


def _ordered(name: Sequence[str], terms: Iterable[str]) -> bool:
    """Whether the name's words stand among the terms in the same order."""
    rest = iter(terms)
    return all(term in rest for term in name)


def _shortened(words: str) -> str:
    return repr(words if len(words) <= MOST_SHOWN else words[:MOST_SHOWN] + "…")
