"""An answer of chat completions, in the events of Anthropic's ``messages``."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.services.gateway import problems
from mlx_manager_jupyter.services.gateway.endpoints.telling import Block, Teller

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.services.gateway.endpoints.events import Event

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


class MessageTeller(Teller):
    """``message_start``, blocks, ``message_delta``, ``message_stop``."""

    def __init__(self, model: str, stop_sequences: Sequence[str], *, thoughts: bool) -> None:
        super().__init__(thoughts=thoughts)
        self._model = model
        self._stop_sequences = stop_sequences

    def begin(self) -> Iterator[Event]:
        """The message, empty. Chat completions tell only at the end what the prompt was."""
        message: dict[str, Any] = {
            "id": f"msg_{secrets.token_hex(12)}",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": self._model,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        yield {"type": "message_start", "message": message}

    def block_begins(self, block: Block) -> Iterator[Event]:
        """A text, a thought (which nobody signs here), or a call."""
        kinds: dict[str, dict[str, Any]] = {
            "thought": {"type": "thinking", "thinking": "", "signature": ""},
            "text": {"type": "text", "text": ""},
            "call": {"type": "tool_use", "id": block.call, "name": block.name, "input": {}},
        }
        content = kinds[block.kind]
        yield {"type": "content_block_start", "index": block.number, "content_block": content}

    def block_grows(self, block: Block, text: str) -> Iterator[Event]:
        """More of it."""
        delta = {
            "thought": {"type": "thinking_delta", "thinking": text},
            "text": {"type": "text_delta", "text": text},
            "call": {"type": "input_json_delta", "partial_json": text},
        }[block.kind]
        yield {"type": "content_block_delta", "index": block.number, "delta": delta}

    def block_ends(self, block: Block) -> Iterator[Event]:
        """Its end."""
        yield {"type": "content_block_stop", "index": block.number}

    def end(self) -> Iterator[Event]:
        """Why it ended, and what it took."""
        reason, sequence = self._reason()
        delta = {"stop_reason": reason, "stop_sequence": sequence}
        yield {"type": "message_delta", "delta": delta, "usage": self._usage()}
        yield {"type": "message_stop"}

    def failed(self, error: MLXManagerError) -> Iterator[Event]:
        """The interface has one event for it."""
        yield problems.anthropic(error)

    def _reason(self) -> tuple[str, str | None]:
        if self.matched in self._stop_sequences:
            return "stop_sequence", str(self.matched)
        reason = _STOP_REASONS.get(self.finish or "stop", "end_turn")
        called = any(block.kind == "call" for block in self.blocks)
        return ("tool_use" if called and reason == "end_turn" else reason), None

    def _usage(self) -> dict[str, int]:
        """Anthropic counts what came from a cache apart from the rest of the prompt."""
        prompt = self.usage.get("prompt_tokens") or 0
        details = self.usage.get("prompt_tokens_details") or {}
        cached = min(details.get("cached_tokens") or 0, prompt)
        return {
            "input_tokens": prompt - cached,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": cached,
            "output_tokens": self.usage.get("completion_tokens") or 0,
        }
