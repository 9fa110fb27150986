"""What is counted while an answer comes."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlx_manager_jupyter.services.metrics import Traffic


class Tally:
    """Counts pieces of text as they pass; what the engine says of its tokens itself wins."""

    __slots__ = (
        "_began",
        "_first",
        "_last",
        "_pieces",
        "_traffic",
        "cached_tokens",
        "finish",
        "prompt_tokens",
        "said_tokens",
    )

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._began = monotonic()
        self._first = 0.0
        self._last = 0.0
        self._pieces = 0
        self.prompt_tokens: int | None = None
        self.cached_tokens: int | None = None
        self.said_tokens: int | None = None
        """Tokens of the answer, as the engine says."""
        self.finish: str | None = None

    def piece(self, count: int = 1) -> None:
        """So many pieces of the answer, each a token or about one, have just passed."""
        self._last = monotonic()
        first = not self._pieces
        self._pieces += count
        self._traffic.tokens += count
        if first:
            self._first = self._last
            self._traffic.first_token_seconds = self.first_token_seconds

    def usage(self, said: dict[str, Any] | None) -> None:
        """Take in what the engine says: OpenAI's names, and Anthropic's and Responses'."""
        if not said:
            return
        prompt = said.get("prompt_tokens", said.get("input_tokens"))
        answer = said.get("completion_tokens", said.get("output_tokens"))
        details = said.get("prompt_tokens_details") or said.get("input_tokens_details") or {}
        cached = details.get("cached_tokens", said.get("cache_read_input_tokens"))
        self.prompt_tokens = self.prompt_tokens if prompt is None else prompt
        self.said_tokens = self.said_tokens if answer is None else answer
        self.cached_tokens = self.cached_tokens if cached is None else cached

    @property
    def completion_tokens(self) -> int | None:
        """Tokens of the answer; None if there was none."""
        return self.said_tokens if self.said_tokens is not None else self._pieces or None

    @property
    def first_token_seconds(self) -> float | None:
        """From the engine being asked to the first piece of its answer."""
        return round(self._first - self._began, 4) if self._pieces else None

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens after the first, by the time after the first; None for fewer than two."""
        tokens, took = (self.completion_tokens or 0) - 1, self._last - self._first
        return round(tokens / took, 2) if tokens > 0 and took > 0 else None
