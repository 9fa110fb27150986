"""Stop sequences, for engines that would go on: what has begun to look like one is held back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Stops:
    """Feed it the words of an answer; what it gives back may be told."""

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = [sequence for sequence in sequences if sequence]
        self._held = ""
        self.met: str | None = None
        """The one that ended it."""

    def __bool__(self) -> bool:
        return bool(self._sequences)

    def feed(self, text: str) -> str:
        """The words that are no part of a sequence, and can't become one; up to the first met."""
        text = self._held + text
        found = [(at, each) for each in self._sequences if (at := text.find(each)) >= 0]
        if found:
            at, self.met = min(found)
            self._held = ""
            return text[:at]
        held = max(_begun(text, sequence) for sequence in self._sequences)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def rest(self) -> str:
        """What was held back, now that nothing follows."""
        held, self._held = self._held, ""
        return held


def _begun(text: str, sequence: str) -> int:
    """With how many characters of the sequence the text ends."""
    most = min(len(text), len(sequence) - 1)
    return next((size for size in range(most, 0, -1) if text.endswith(sequence[:size])), 0)
