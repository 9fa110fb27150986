"""A whole message put together from the events of a stream, whoever made them."""

from __future__ import annotations

from typing import Any

import msgspec

from mlx_manager_jupyter.errors import UpstreamFailed

#: Which field of a block grows by which field of a delta.
_GROWS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
    "input_json_delta": ("input", "partial_json"),
}


class WholeMessage:
    """Feed it events; `message` is what a plain request would have answered."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._grown: dict[tuple[int, str], list[str]] = {}

    def add(self, said: dict[str, Any]) -> None:
        """Take one event in."""
        match said.get("type"):
            case "message_start":
                self._message = dict(said["message"])
            case "content_block_start":
                self._blocks[said["index"]] = dict(said["content_block"])
            case "content_block_delta":
                delta = said["delta"]
                if names := _GROWS.get(delta["type"]):
                    field, source = names
                    self._grown.setdefault((said["index"], field), []).append(delta[source])
            case "message_delta":
                self._message |= said["delta"]
                used = {name: each for name, each in said["usage"].items() if each is not None}
                self._message["usage"] = (self._message.get("usage") or {}) | used

    def message(self) -> dict[str, Any]:
        """The answer in Anthropic's shape.

        Raises:
            UpstreamFailed: when the arguments of a call are no JSON object.
        """
        for (index, field), parts in self._grown.items():
            block, text = self._blocks[index], "".join(parts)
            block[field] = self._input(text) if field == "input" else block.get(field, "") + text
        self._grown = {}
        content = [self._blocks[index] for index in sorted(self._blocks)]
        return self._message | {"content": content}

    def _input(self, text: str) -> dict[str, Any]:
        try:
            return msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError as error:
            if self._message.get("stop_reason") == "max_tokens":
                return {}  # cut off: whoever asks for so few tokens is told why
            raise UpstreamFailed(f"The model's call is no JSON object: {error}.") from error
