"""An answer of chat completions, in the events of OpenAI's ``responses``."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.services.gateway import problems
from mlx_manager_jupyter.services.gateway.endpoints.telling import Block, Teller
from mlx_manager_jupyter.services.gateway.fields import value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.services.gateway.endpoints.events import Event
    from mlx_manager_jupyter.services.gateway.fields import Fields

#: What a response repeats of its request, and what it says if that said nothing.
_REPEATED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "user": None,
}
_CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponseTeller(Teller):
    """``response.created`` to ``response.completed``, numbered; an item for each block."""

    def __init__(self, model: str, given: Fields) -> None:
        super().__init__()
        self._number = 0
        self._items: list[dict[str, Any]] = []
        repeated = {name: value(given, name, Any) for name in _REPEATED}
        self.response: dict[str, Any] = {
            "id": f"resp_{secrets.token_hex(16)}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "in_progress",
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": model,
            "output": [],
            "previous_response_id": None,
            "service_tier": "default",
            "store": False,  # whatever was asked: nothing is kept
            "truncation": "disabled",
            "usage": None,
            **{name: _REPEATED[name] if v is None else v for name, v in repeated.items()},
        }

    def begin(self) -> Iterator[Event]:
        """The response, empty."""
        yield self._event("response.created", response=self.response)
        yield self._event("response.in_progress", response=self.response)

    def block_begins(self, block: Block) -> Iterator[Event]:
        """An item, and its only part."""
        item = _item(block, "in_progress")
        place = {"output_index": block.number}
        yield self._event("response.output_item.added", **place, item=item)
        if block.kind != "call":
            part = _part(block, "")
            yield self._event("response.content_part.added", **self._place(block), part=part)

    def block_grows(self, block: Block, text: str) -> Iterator[Event]:
        """More of it."""
        if block.kind == "call":
            name, place = "response.function_call_arguments.delta", self._item_place(block)
        else:
            name, place = f"response.{_text_kind(block)}.delta", self._place(block)
        yield self._event(name, **place, delta=text, **_extra(block))

    def block_ends(self, block: Block) -> Iterator[Event]:
        """The whole of it again, part by part."""
        text = block.text
        if block.kind == "call":
            done = "response.function_call_arguments.done"
            place = self._item_place(block)
            yield self._event(done, **place, name=block.name, arguments=text or "{}")
        else:
            place, part = self._place(block), _part(block, text)
            done = f"response.{_text_kind(block)}.done"
            yield self._event(done, **place, text=text, **_extra(block))
            yield self._event("response.content_part.done", **place, part=part)
        cut = self.finish in _CUT  # only the last block can be: a cut comes with its last words
        item = _item(block, "incomplete" if cut else "completed", text)
        self._items.append(item)
        yield self._event("response.output_item.done", output_index=block.number, item=item)

    def end(self) -> Iterator[Event]:
        """All of it, with what it took."""
        reason = _CUT.get(self.finish or "")
        status = "incomplete" if reason else "completed"
        details = {"incomplete_details": {"reason": reason}} if reason else {}
        yield self._final(status, **details)

    def failed(self, error: MLXManagerError) -> Iterator[Event]:
        """The response failed; the event behind it makes the official client raise."""
        told = {"code": "server_error", "message": str(error)}
        if self.begun:
            yield self._final("failed", error=told)
        yield error_event(error, self._number)

    def _final(self, status: str, **more: Any) -> Event:
        self.response |= {"status": status, "output": self._items, "usage": self._usage(), **more}
        return self._event(f"response.{status}", response=self.response)

    def _event(self, name: str, /, **more: Any) -> Event:
        number, self._number = self._number, self._number + 1
        return {"type": name, "sequence_number": number, **more}

    def _item_place(self, block: Block) -> dict[str, Any]:
        return {"item_id": _id(block), "output_index": block.number}

    def _place(self, block: Block) -> dict[str, Any]:
        return self._item_place(block) | {"content_index": 0}

    def _usage(self) -> dict[str, Any] | None:
        if not self.usage:
            return None
        prompt = self.usage.get("prompt_tokens") or 0
        answer = self.usage.get("completion_tokens") or 0
        cached = (self.usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        thought = (self.usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
        return {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
            "output_tokens": answer,
            "output_tokens_details": {"reasoning_tokens": thought},
            "total_tokens": prompt + answer,
        }


def error_event(error: MLXManagerError, number: int) -> Event:
    """OpenAI's event for a broken stream. Its clients raise for the ``error`` in it."""
    told = problems.openai(error)["error"]
    flat = {"code": told["code"], "message": told["message"], "param": None}
    return {"type": "error", "sequence_number": number, **flat, "error": told}


def _id(block: Block) -> str:
    return {"thought": "rs_", "text": "msg_", "call": "fc_"}[block.kind] + block.id


def _text_kind(block: Block) -> str:
    return "reasoning_text" if block.kind == "thought" else "output_text"


def _extra(block: Block) -> dict[str, Any]:
    """Of events of texts alone."""
    return {"logprobs": []} if block.kind == "text" else {}


def _part(block: Block, text: str) -> dict[str, Any]:
    if block.kind == "thought":
        return {"type": "reasoning_text", "text": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _item(block: Block, status: str, text: str | None = None) -> dict[str, Any]:
    """One that has just begun has no text yet."""
    head: dict[str, Any] = {"id": _id(block), "status": status}
    if block.kind == "call":
        arguments = "" if text is None else text or "{}"
        call = {"call_id": block.call, "name": block.name, "arguments": arguments}
        return head | {"type": "function_call"} | call
    content = [] if text is None else [_part(block, text)]
    if block.kind == "thought":
        return head | {"type": "reasoning", "summary": [], "content": content}
    return head | {"type": "message", "role": "assistant", "content": content}
