"""What a model answered, and how."""

from __future__ import annotations

from typing import Any, Self

import msgspec


class Usage(msgspec.Struct, frozen=True):
    """Tokens, as the engine counted them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """Measured where the answer arrived, in seconds from sending the request."""

    total_seconds: float
    first_token_seconds: float | None = None
    reasoning_seconds: float | None = None
    """From the first token of reasoning to the first of the answer."""
    tokens_per_second: float | None = None
    """Rate of decoding: the wait for the first token is left out."""


class Reply(str):
    """An answer: a string that knows where it came from.

    Attributes:
        reasoning: what the model thought aloud, ``""`` if nothing.
        usage: tokens, ``None`` if the engine did not say.
        timings: seconds and tokens per second.
        server: name of the server that answered.
        model: repo id or folder of the model.
        revision: commit of the model, ``None`` for a folder.
        engine: the program that ran it.
        sampling: what the request asked for (``temperature``, ``max_tokens``).
        seed: the seed that the request asked for.
        finish_reason: ``stop``, ``length``, or ``interrupted``; ``None`` when it broke off.
    """

    __slots__ = (
        "engine",
        "finish_reason",
        "model",
        "reasoning",
        "revision",
        "sampling",
        "seed",
        "server",
        "timings",
        "usage",
    )

    reasoning: str
    usage: Usage | None
    timings: Timings
    server: str
    model: str
    revision: str | None
    engine: str
    sampling: dict[str, float | int]
    seed: int | None
    finish_reason: str | None

    def __new__(cls, text: str, **facts: Any) -> Self:
        """Make a reply of its text and all of its facts."""
        reply = super().__new__(cls, text)
        for name in Reply.__slots__:
            setattr(reply, name, facts.pop(name))
        if facts:
            raise TypeError(f"a reply has no {', '.join(facts)}")
        return reply

    @property
    def text(self) -> str:
        """The answer alone, as a plain string."""
        return str.__str__(self)

    @property
    def data(self) -> Any:  # noqa: ANN401  any JSON
        """The answer read as JSON; ``None`` when it is none."""
        try:
            return msgspec.json.decode(self.text)
        except msgspec.DecodeError:
            return None

    @property
    def facts(self) -> dict[str, Any]:
        """Everything but the text and the reasoning, ready for JSON."""
        names = [name for name in Reply.__slots__ if name != "reasoning"]
        found: dict[str, Any] = msgspec.to_builtins({name: getattr(self, name) for name in names})
        return found

    def _repr_markdown_(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy: a plain ``str`` would lose the facts."""
        facts = {name: getattr(self, name) for name in Reply.__slots__}
        return _restore, (self.text, facts)


def _restore(text: str, facts: dict[str, Any]) -> Reply:
    return Reply(text, **facts)
