"""What a request to Anthropic's ``messages`` is made of; msgspec says where one is malformed."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from mlx_manager_jupyter.errors import UnsupportedField


class OnlyNative(UnsupportedField):
    """What chat completions have no words for; an engine with ``messages`` of its own may."""


class Base64(Struct, tag="base64"):
    """A picture in the request itself."""

    media_type: str
    data: str


class Url(Struct, tag="url"):
    """A picture elsewhere."""

    url: str


class Text(Struct, tag="text"):
    """Words."""

    text: str


class Image(Struct, tag="image"):
    """A picture."""

    source: Base64 | Url


class Thinking(Struct, tag="thinking"):
    """What the model thought in an earlier turn."""

    thinking: str


class Redacted(Struct, tag="redacted_thinking"):
    """The same, for nobody's eyes: no local model can read it."""


class ToolUse(Struct, tag="tool_use"):
    """A call by the model."""

    id: str
    name: str
    input: dict[str, Any] = {}


class ToolResult(Struct, tag="tool_result"):
    """What came of it."""

    tool_use_id: str
    content: str | list[Text | Image] = ""
    is_error: bool | None = None


class Message(Struct):
    """One turn."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Text | Image | Thinking | Redacted | ToolUse | ToolResult]


class Tool(Struct):
    """A tool of the client's own."""

    name: str
    input_schema: dict[str, Any]
    description: str = ""
    type: Literal["custom"] | None = None
    strict: bool | None = None


class ToolChoice(Struct):
    """Whether it has to be used."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool = False


class ThinkingConfig(Struct):
    """Whether the model shall think; how long can't be told to a template."""

    type: Literal["enabled", "disabled", "adaptive"]
    display: Literal["summarized", "omitted"] | None = None

    @property
    def shown(self) -> bool:
        """Whether thoughts are to be told."""
        return self.type != "disabled" and self.display != "omitted"


class Format(Struct, tag="json_schema"):
    """What the answer has to look like."""

    schema: dict[str, Any]


class OutputConfig(Struct):
    """More about the answer."""

    format: Format | None = None
    effort: str | None = None
