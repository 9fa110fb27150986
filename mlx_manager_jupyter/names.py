"""Names that people mistype."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Less like a word than the most alike by so much, a name is no second guess.
_SECOND_GUESS = 0.2


def nearest(word: str, known: Iterable[str], *, at_most: int = 3) -> list[str]:
    """The known words that look most like ``word``, best first; empty when none comes close."""
    import difflib  # noqa: PLC0415  only for those who mistype

    folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), folded, n=at_most, cutoff=0.5)
    alike = [difflib.SequenceMatcher(None, name, word.casefold()).ratio() for name in found]
    return [
        folded[name]
        for name, ratio in zip(found, alike, strict=True)
        if ratio >= alike[0] - _SECOND_GUESS
    ]
