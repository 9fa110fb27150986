"""Search as you type over the ids of a whole catalogue.

Everything is in memory, and a search is intersections of sets: a few milliseconds for 10,000 ids.
Models are numbered by how much they are worth before anybody asks, so the lists of who has a token
are in that order already.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import repeat
from operator import add, itemgetter
from typing import TYPE_CHECKING

from mlx_manager_jupyter.services.models.vocabulary import ALIKE_QUALITY, EXACT, Vocabulary
from mlx_manager_jupyter.services.models.words import (
    MOST_CHARACTERS,
    MOST_TOKENS,
    NOISE,
    folded,
    is_number,
    split_id,
    tokens,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    #: Terms that one typed word can mean, and how well.
    Reading = Mapping[str, float]
    #: Models that have one of them, by rank, and how well.
    Hits = Mapping[int, float]

#: The last word may go on unless one of these follows it.
BEHIND = " \t\n/_-,"

#: What ten times the downloads are worth; a word met well or badly differs by several times that.
PER_DECADE = 0.04
#: What each token of a name costs: of names that have all the words, the shorter is meant.
PER_TOKEN = 0.04
#: A word met in the author's name, not in the model's.
BY_AUTHOR = 0.8

#: So many of the best are looked at again, for the order of their words.
HEAD = 200
#: Added for each word, from the first, that follows the one before it in the name, too.
IN_ORDER = 0.12
#: What each token before the first word costs, up to so many: it is a model made of the one meant.
PER_EARLIER = 0.1
MOST_EARLIER = 3
#: Added if the words are the whole name.
WHOLE_NAME = 0.15
#: Added if they name the whole author, apart from the model.
WHOLE_AUTHOR = 0.5


class Index:
    """Tokens of ids, and who has them. Immutable, so any thread may search.

    Building takes about 20 µs an id: do it in a thread.
    """

    def __init__(self, ids: Sequence[str], weights: Sequence[float]) -> None:
        """``ids`` are repo ids or paths of folders; ``weights`` their downloads, 0 if unknown."""
        pairs = [split_id(model) for model in ids]
        names = [tuple(t for t in tokens(name) if t not in NOISE) for _, name in pairs]
        worth = [
            PER_DECADE * math.log10(1 + max(0, weight)) - PER_TOKEN * len(name)
            for weight, name in zip(weights, names, strict=True)
        ]
        #: Positions by rank; ranks, not positions, are what is indexed.
        self._positions = sorted(range(len(ids)), key=lambda place: (-worth[place], ids[place]))
        self._by_weight = sorted(range(len(ids)), key=lambda place: (-weights[place], ids[place]))
        self._worth = [worth[place] for place in self._positions]
        self._ids = {folded(ids[place]): place for place in reversed(self._positions)}
        self.names: Sequence[tuple[str, ...]] = names
        """Tokens of each model's name, by position; noise is none of them."""
        by_author = {author: tuple(tokens(author)) for author, _ in set(pairs)}
        self.authors: Sequence[tuple[str, ...]] = [by_author[author] for author, _ in pairs]
        self._in_name = _postings(names[place] for place in self._positions)
        self._in_author = _postings(self.authors[place] for place in self._positions)
        counts = {term: len(ranks) for term, ranks in self._in_author.items()}
        counts |= {term: len(r) + counts.get(term, 0) for term, r in self._in_name.items()}
        self.vocabulary = Vocabulary(counts, self._in_name)

    def search(self, words: str) -> list[int]:
        """Positions of all models that the words can mean, best first.

        Nothing typed finds all, by downloads. Each number must be met as it is, and each word well
        or badly; a word that can't be met is forgiven where others are. The last word may be the
        beginning of one, unless something follows it, such as a blank.
        """
        if _is_noise(words):
            return list(self._by_weight)
        whole = self._ids.get(folded(words))
        typing = words[-1] not in BEHIND
        found = self._find(words, typing=typing, forgiving=True)
        return found if whole is None else [whole, *(place for place in found if place != whole)]

    def meeting(self, words: str) -> list[int]:
        """Positions of the models that meet every word, mistyped ones too, best first."""
        return self._find(words, typing=False, forgiving=False)

    def having(self, terms: Collection[str]) -> list[int]:
        """Positions of the models with each of these tokens, in name or author, best first."""
        hits = [self._hits({term: EXACT}) for term in terms]
        return [self._positions[rank] for rank in sorted(_in_all(hits))]

    def _find(self, words: str, *, typing: bool, forgiving: bool) -> list[int]:
        if len(words) > MOST_CHARACTERS:
            return []
        query = self.vocabulary.tokens(words)
        if not query or len(query) > MOST_TOKENS:
            return []
        readings = self.vocabulary.readings(query, typing=typing)
        hits = [self._hits(terms) for terms in readings]
        telling = [place for place, word in enumerate(query) if word not in NOISE]
        ranks = _in_all([hits[place] for place in telling])
        if not ranks and typing:
            readings[-1] = self.vocabulary.longer(query[-1]) or readings[-1]
            hits[-1] = self._hits(readings[-1])
            ranks = _in_all([hits[place] for place in telling])
        if not ranks and forgiving:
            ranks = _in_some(query, hits)
        return list(map(self._positions.__getitem__, self._ranked(ranks, hits, readings)))

    def _hits(self, terms: Reading) -> Hits:
        """By rank how well one word is met: of all its terms that a model has, the best counts."""
        hits: dict[int, float] = {}
        met = [
            (worth, self._in_name[term]) for term, worth in terms.items() if term in self._in_name
        ]
        met += [
            (worth * BY_AUTHOR, self._in_author[term])
            for term, worth in terms.items()
            if term in self._in_author
        ]
        for quality, ranks in sorted(met, key=itemgetter(0)):
            hits.update(dict.fromkeys(ranks, quality))
        return hits

    def _ranked(
        self, found: Collection[int], hits: Sequence[Hits], readings: Sequence[Reading]
    ) -> list[int]:
        ranks = sorted(found)
        scores = list(map(self._worth.__getitem__, ranks))
        for met in hits:
            scores = list(map(add, scores, map(met.get, ranks, repeat(0.0))))
        order = sorted(range(len(ranks)), key=scores.__getitem__, reverse=True)
        head = {
            place: scores[place] + self._bonus(self._positions[ranks[place]], readings)
            for place in order[:HEAD]
        }
        best = sorted(head, key=head.__getitem__, reverse=True)
        return [ranks[place] for place in (*best, *order[HEAD:])]

    def _bonus(self, place: int, readings: Sequence[Reading]) -> float:
        return _bonus(self.names[place], self.authors[place], readings)


def _is_noise(words: str) -> bool:
    """Whether all models are meant: ``mlx`` says no more than nothing does."""
    return not words.strip() or words.strip().casefold() in NOISE


def _postings(texts: Iterable[tuple[str, ...]]) -> dict[str, list[int]]:
    """By token the ranks of those who have it, ascending."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for rank, terms in enumerate(texts):
        for term in set(terms):
            found[term].append(rank)
    return dict(found)


def _in_all(hits: Sequence[Hits]) -> set[int]:
    """Ranks of those who have all words."""
    fewest, *others = sorted(hits, key=len) or [{}]
    ranks = set(fewest)
    for met in others:
        ranks &= met.keys()
    return ranks


def _in_some(query: Sequence[str], hits: Sequence[Hits]) -> set[int]:
    """Ranks of those who have all numbers and at least one word that tells something."""
    words: set[int] = set()
    numbers = []
    for word, met in zip(query, hits, strict=True):
        if is_number(word):
            numbers.append(met)
        elif word not in NOISE:
            words |= met.keys()
    return words & _in_all(numbers) if numbers else words


def _bonus(name: Sequence[str], author: Sequence[str], readings: Sequence[Reading]) -> float:
    """What it is worth that the words stand in the id as they were typed."""
    met = [place for terms in readings if (place := _place(name, terms)) is not None]
    bonus = 0.0
    if met:
        run = next((n for n, place in enumerate(met) if place != met[0] + n), len(met))
        bonus += IN_ORDER * run - PER_EARLIER * min(met[0], MOST_EARLIER)
    if all(_is_named(term, readings) for term in name):
        bonus += WHOLE_NAME
    if not set(author) <= set(name) and all(_is_named(term, readings) for term in author):
        bonus += WHOLE_AUTHOR
    return bonus


def _place(name: Sequence[str], terms: Reading) -> int | None:
    return next((place for place, term in enumerate(name) if term in terms), None)


def _is_named(term: str, readings: Sequence[Reading]) -> bool:
    return any(terms.get(term, 0.0) >= ALIKE_QUALITY for terms in readings)
