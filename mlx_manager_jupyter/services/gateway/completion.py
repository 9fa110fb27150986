"""A whole answer put together from the events of a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import msgspec


class Whole(ABC):
    """Feed it a stream's events; `completion` is what a plain request would have answered."""

    object: ClassVar[str]
    """What OpenAI calls it."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._usage: dict[str, Any] | None = None

    def add(self, event: bytes) -> None:
        """Take one event in; comments and the closing mark carry nothing."""
        _, _, data = event.partition(b"data: ")
        if not data or data.startswith(b"[DONE]"):
            return
        chunk = msgspec.json.decode(data, type=dict[str, Any])
        self._usage = chunk.get("usage") or self._usage
        self._head = self._head or chunk
        for choice in chunk.get("choices") or ():
            self._merge(choice)

    def completion(self) -> dict[str, Any]:
        """The answer in OpenAI's shape."""
        kept = ("id", "created", "system_fingerprint")
        head = {key: self._head[key] for key in kept if key in self._head}
        return {
            **head,
            "object": self.object,
            "model": self._model,
            "choices": [self._choices[index] for index in sorted(self._choices)],
            "usage": self._usage,
        }

    @abstractmethod
    def empty(self) -> dict[str, Any]:
        """What a choice holds before anything was said."""

    @abstractmethod
    def put(self, whole: dict[str, Any], choice: dict[str, Any]) -> None:
        """Add what a chunk says of a choice to the whole one."""

    def _merge(self, choice: dict[str, Any]) -> None:
        index = choice.get("index", 0)
        begun = {"index": index, **self.empty(), "finish_reason": None}
        whole = self._choices.setdefault(index, begun)
        whole["finish_reason"] = choice.get("finish_reason") or whole["finish_reason"]
        self.put(whole, choice)


class Aggregate(Whole):
    """A chat's answer."""

    object = "chat.completion"

    def completion(self) -> dict[str, Any]:
        """Calls of tools have a number in streams alone."""
        whole = super().completion()
        for choice in whole["choices"]:
            for call in choice["message"].get("tool_calls", ()):
                call.pop("index", None)
        return whole

    def empty(self) -> dict[str, Any]:
        """A message without words."""
        return {"message": {"role": "assistant", "content": None}}

    def put(self, whole: dict[str, Any], choice: dict[str, Any]) -> None:
        """Words, thoughts, calls of tools and probabilities."""
        message, delta = whole["message"], choice.get("delta") or {}
        for field in ("content", "reasoning", "reasoning_content"):
            if delta.get(field):
                message[field] = (message.get(field) or "") + delta[field]
        for call in delta.get("tool_calls") or ():
            _merge_call(message.setdefault("tool_calls", []), call)
        if logprobs := choice.get("logprobs"):
            seen = whole.setdefault("logprobs", {"content": []})
            seen["content"] += logprobs.get("content") or []


def _merge_call(calls: list[dict[str, Any]], part: dict[str, Any]) -> None:
    """A call may come whole (mlx-lm) or in pieces with the same index (the OpenAI way)."""
    known = next((call for call in calls if call.get("index") == part.get("index")), None)
    if known is None or (part.get("id") and part["id"] != known.get("id")):
        calls.append(part)
        return
    function = known.setdefault("function", {})
    more = part.get("function", {}).get("arguments") or ""
    function["arguments"] = (function.get("arguments") or "") + more


class TextAggregate(Whole):
    """A text that goes on."""

    object = "text_completion"

    def empty(self) -> dict[str, Any]:
        """No text."""
        return {"text": "", "logprobs": None}

    def put(self, whole: dict[str, Any], choice: dict[str, Any]) -> None:
        """Words, and lists of what each token was worth."""
        whole["text"] += choice.get("text") or ""
        if said := choice.get("logprobs"):
            seen = whole["logprobs"] = whole["logprobs"] or {}
            for name, values in said.items():
                seen[name] = (seen.get(name) or []) + (values or [])
