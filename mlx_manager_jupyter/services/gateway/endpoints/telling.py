"""An answer of chat completions as it comes, told in other words."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct, field

from mlx_manager_jupyter.errors import UpstreamFailed
from mlx_manager_jupyter.services.gateway.endpoints.events import Event, failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.errors import MLXManagerError


class Block(Struct):
    """One thought, text or call of an answer."""

    kind: Literal["thought", "text", "call"]
    number: int
    index: object = None
    """Of a call, by the engine's count."""
    call: str = ""
    """The id of a call."""
    name: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it so far; a call's arguments."""
        return "".join(self.parts)


class Teller(ABC):
    """Tells an answer of chat completions in other events: blocks that begin, grow and end."""

    def __init__(self, *, thoughts: bool = True) -> None:
        self._thoughts = thoughts
        self.blocks: list[Block] = []
        self.open: Block | None = None
        self.begun = False
        self.finish: str | None = None
        self.matched: object = None
        """What an engine says that stopped it, if it does."""
        self.usage: dict[str, Any] = {}

    def chunk(self, said: Event) -> Iterator[Event]:
        """Events for one chunk of the engine.

        Raises:
            UpstreamFailed: when it tells an error, or goes back to a call that it had ended.
        """
        if error := said.get("error"):
            raise failure(error)
        if not self.begun:
            self.begun = True
            yield from self.begin()
        self.usage = said.get("usage") or self.usage
        for choice in said.get("choices") or ():
            delta = choice.get("delta") or {}
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            if thought and self._thoughts:
                yield from self._grown("thought", thought)
            if text := delta.get("content"):
                yield from self._grown("text", text)
            for part in delta.get("tool_calls") or ():
                yield from self._called(part)
            self.finish = choice.get("finish_reason") or self.finish
            # vLLM's and SGLang's names for it.
            self.matched = choice.get("stop_reason", choice.get("matched_stop")) or self.matched

    def last(self) -> Iterator[Event]:
        """Events once the engine has said that this was all."""
        if not self.begun:
            self.begun = True
            yield from self.begin()
        yield from self._ended()
        yield from self.end()

    def _grown(self, kind: Literal["thought", "text"], text: str) -> Iterator[Event]:
        if self.open is None or self.open.kind != kind:
            yield from self._opened(Block(kind, len(self.blocks)))
        yield from self._more(text)

    def _called(self, part: Event) -> Iterator[Event]:
        """A call may come whole (mlx-lm) or in pieces with the same index (the OpenAI way)."""
        function = part.get("function") or {}
        known = self.open if self.open and self.open.kind == "call" else None
        same = known and known.index == part.get("index")
        if not same or (part.get("id") and known and part["id"] != known.call):
            if not function.get("name"):
                raise UpstreamFailed("The engine sent a piece of a call that it had ended before.")
            call = part.get("id") or f"call_{secrets.token_hex(12)}"
            block = Block("call", len(self.blocks), part.get("index"), call, function["name"])
            yield from self._opened(block)
        more = function.get("arguments") or ""
        yield from self._more(more if isinstance(more, str) else msgspec.json.encode(more).decode())

    def _opened(self, block: Block) -> Iterator[Event]:
        yield from self._ended()
        self.open = block
        self.blocks.append(block)
        yield from self.block_begins(block)

    def _more(self, text: str) -> Iterator[Event]:
        if self.open and text:
            self.open.parts.append(text)
            yield from self.block_grows(self.open, text)

    def _ended(self) -> Iterator[Event]:
        block, self.open = self.open, None
        if block:
            yield from self.block_ends(block)

    @abstractmethod
    def begin(self) -> Iterator[Event]:
        """The answer begins."""

    @abstractmethod
    def block_begins(self, block: Block) -> Iterator[Event]:
        """A block begins, empty."""

    @abstractmethod
    def block_grows(self, block: Block, text: str) -> Iterator[Event]:
        """So much more of it."""

    @abstractmethod
    def block_ends(self, block: Block) -> Iterator[Event]:
        """It is complete."""

    @abstractmethod
    def end(self) -> Iterator[Event]:
        """The answer is complete."""

    @abstractmethod
    def failed(self, error: MLXManagerError) -> Iterator[Event]:
        """It won't be."""
