"""Which of the words that models have a typed word can mean, and how well."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from mlx_manager_jupyter.services.models.words import NOISE, chunks, is_number, is_whole, tokens

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

#: Different words for nearly the same, as good when searching; they don't name the same model.
ALIKE = {
    "chat": ("instruct",),
    "fp4": ("mxfp4", "nvfp4"),
    "instruct": ("chat",),
    "multimodal": ("vl", "vision"),
    "vision": ("vl",),
    "vl": ("vision",),
}

# How well a word is met, from 1. What lies between must outweigh what downloads add.
EXACT = 1.0
ALIKE_QUALITY = 0.9
JOINED = 0.95
BEGUN = 0.6, 0.9
"""By how much of the word was typed."""
FINISHED = 0.8
"""Of that, if another word follows: it is hardly being typed any more."""
DECIMAL = 0.6
"""``3``, being typed, may become ``3.2``."""
SIMILAR = 0.55, 0.15
"""With no mistake, and less by each."""
OTHER_START = 0.15
"""Less if even the first letter differs: people rarely get that one wrong."""

#: More are another word.
MOST_MISTAKES = 3
#: Shorter words are similar to everything.
SHORTEST_SIMILAR = 3
#: A query's words, split where two were written as one, have at least so many letters.
SHORTEST_PART = 2


class Vocabulary:
    """All tokens of a catalogue, and how many models have each."""

    def __init__(self, terms: Mapping[str, int], named: Container[str]) -> None:
        """``terms`` with how many models have each; ``named`` are those in names of models."""
        self._terms = terms
        self._sorted = sorted(terms)
        self._rare = max(2, max(terms.values(), default=0) // 1000)
        # Nobody mistypes the names of thousands of people who once converted a model.
        self._by_length: defaultdict[int, list[str]] = defaultdict(list)
        for term in self._sorted:
            if not is_number(term) and (term in named or terms[term] > self._rare):
                self._by_length[len(term)].append(term)

    def __contains__(self, term: str) -> bool:
        return term in self._terms

    def tokens(self, text: str) -> list[str]:
        """The text's tokens, each once; words that nobody has are split if both parts are known."""
        found = tokens(text)
        if not all(map(self._is_known, found)):
            found = tokens(" ".join(map(self._split, chunks(text))))
        return list(dict.fromkeys(found))

    def readings(self, words: Sequence[str], *, typing: bool) -> list[dict[str, float]]:
        """For each word the terms that it can mean and how well; ``typing`` the last one goes on.

        A word that hardly any model has may be a typo, so those like it are among them.
        """
        found = []
        for place, word in enumerate(words, 1):
            is_last = typing and place == len(words)
            if is_number(word):
                terms = self._number(word, is_last=is_last)
            else:
                terms = self._word(word, is_last=is_last)
                if sum(map(self._terms.__getitem__, terms)) <= self._rare:
                    terms = self.similar(word) | terms
            found.append(terms)
        for place, (first, second) in enumerate(pairwise(words)):
            if first + second in self._terms and not is_number(first + second):
                for terms in found[place : place + 2]:
                    terms[first + second] = JOINED
        return found

    def similar(self, word: str) -> dict[str, float]:
        """Words that differ by few mistakes, and how well they fit: one in about four letters."""
        if len(word) < SHORTEST_SIMILAR or word in NOISE:
            return {}
        # Tens of milliseconds that only typos cost.
        from rapidfuzz.distance import OSA  # noqa: PLC0415
        from rapidfuzz.process import extract  # noqa: PLC0415

        allowed = min(MOST_MISTAKES, (len(word) + 2) // 4)
        lengths = range(len(word) - allowed, len(word) + allowed + 1)
        near = [term for length in lengths for term in self._by_length.get(length, ())]
        best, less = SIMILAR
        return {
            term: best - less * (mistakes - 1) - (OTHER_START if term[0] != word[0] else 0)
            for term, mistakes, _ in extract(
                word, near, scorer=OSA.distance, score_cutoff=allowed, limit=None
            )
            if mistakes
        }

    def longer(self, number: str) -> dict[str, float]:
        """What a number may become with more digits, ``2`` the ``20b``; empty if it has a unit."""
        if not is_number(number) or is_whole(number):
            return {}
        return dict.fromkeys(self._begun(number), DECIMAL)

    def _number(self, number: str, *, is_last: bool) -> dict[str, float]:
        terms = {term: ALIKE_QUALITY for term in ALIKE.get(number, ()) if term in self._terms}
        if is_last and not is_whole(number):
            for term in self._begun(number):
                rest = term[len(number)]
                if rest.isalpha():
                    terms[term] = BEGUN[1]
                elif rest == ".":
                    terms[term] = DECIMAL
        if number in self._terms:
            terms[number] = EXACT
        return terms

    def _word(self, word: str, *, is_last: bool) -> dict[str, float]:
        low, high = BEGUN
        worth = 1 if is_last else FINISHED
        terms = {
            term: worth * (low + (high - low) * len(word) / len(term)) for term in self._begun(word)
        }
        terms |= {term: ALIKE_QUALITY for term in ALIKE.get(word, ()) if term in self._terms}
        if word in self._terms:
            terms[word] = EXACT
        return terms

    def _begun(self, start: str) -> list[str]:
        """Terms that begin so and go on."""
        first = bisect_left(self._sorted, start)
        behind = bisect_left(self._sorted, start + "\U0010ffff", first)
        return [term for term in self._sorted[first:behind] if term != start and term not in NOISE]

    def _is_known(self, token: str) -> bool:
        """Numbers are never split, so it does not matter whether anybody has them."""
        return is_number(token) or token in self._terms or bool(self._begun(token))

    def _split(self, chunk: str) -> str:
        """``gptoss20b`` is ``gpt oss20b``: the longest first word that leaves known ones."""
        if all(map(self._is_known, tokens(chunk))):
            return chunk
        for place in range(len(chunk) - 1, SHORTEST_PART - 1, -1):
            head, tail = chunk[:place], tokens(chunk[place:])
            if head in self._terms and tail and all(part in self._terms for part in tail):
                return " ".join([head, *tail])
        return chunk
