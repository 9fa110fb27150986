"""A whole chat answer put together from the events of a stream."""

from __future__ import annotations

from typing import Any

import msgspec


class Aggregate:
    """Feed it a stream's events; `completion` is what a plain request would have answered."""

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
        for choice in chunk.get("choices", ()):
            self._merge(choice)

    def completion(self) -> dict[str, Any]:
        """The answer in the shape of OpenAI's ``chat.completion``."""
        kept = ("id", "created", "system_fingerprint")
        head = {key: self._head[key] for key in kept if key in self._head}
        return {
            **head,
            "object": "chat.completion",
            "model": self._model,
            "choices": [self._choices[index] for index in sorted(self._choices)],
            "usage": self._usage,
        }

    def _merge(self, choice: dict[str, Any]) -> None:
        index = choice.get("index", 0)
        whole = self._choices.setdefault(
            index,
            {
                "index": index,
                "message": {"role": "assistant", "content": None},
                "finish_reason": None,
            },
        )
        whole["finish_reason"] = choice.get("finish_reason") or whole["finish_reason"]
        message, delta = whole["message"], choice.get("delta", {})
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
