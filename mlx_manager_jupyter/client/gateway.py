"""One chat request through the gateway, delta by delta."""

from __future__ import annotations

import re
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import unquote

import msgspec

from mlx_manager_jupyter.client.reply import Reply, Timings, Usage
from mlx_manager_jupyter.client.stream import frames
from mlx_manager_jupyter.client.transport import GATEWAY, chunks, decode_error
from mlx_manager_jupyter.errors import UpstreamFailed
from mlx_manager_jupyter.schema import learn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx2

    from mlx_manager_jupyter.client.transport import Transport

Kind = Literal["text", "reasoning"]

#: Tokens that take long enough to be told of.
LONG_PROMPT = 512
#: What mlx-lm writes while it reads a prompt.
_READ = re.compile(r"keepalive (\d+)/(\d+)")


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of ``POST v1/chat/completions``; what is unset is left to the profile and the engine."""

    model: str
    messages: tuple[dict[str, Any], ...]
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None

    @property
    def sampling(self) -> dict[str, float | int]:
        """What was asked for, without the unset."""
        asked = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        return {name: value for name, value in asked.items() if value is not None}


class Delta(NamedTuple):
    """The next piece of the answer, or of the reasoning before it."""

    kind: Kind
    text: str


class _Message(msgspec.Struct):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    """The older name of ``reasoning``; an engine may send both."""


class _Choice(msgspec.Struct):
    delta: _Message = msgspec.field(default_factory=_Message)
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: tuple[_Choice, ...] = ()
    usage: Usage | None = None


learn(_Chunk)


class ChatStream:
    """An answer as it arrives: iterate for the deltas, take `reply` at any time."""

    def __init__(self, request: ChatRequest, response: httpx2.Response, sent: float) -> None:
        self._request = request
        self._response = response
        self._sent = sent
        self._parts: dict[Kind, list[str]] = {"text": [], "reasoning": []}
        self._first: dict[Kind, float] = {}
        self._last = sent
        self._usage: Usage | None = None
        self._finish_reason: str | None = None
        self.on_wait: Callable[[str], object] = lambda _: None
        """Is told now and then, before the first delta, what the answer waits for."""

    @property
    def server(self) -> str:
        """Name of the server that answers."""
        return self._response.headers.get("X-MLX-Server", self._request.model)

    def __iter__(self) -> Iterator[Delta]:
        """Yield deltas until the answer is complete.

        Raises:
            MLXManagerError: what the engine or the gateway reported in the stream.
            UpstreamFailed: the stream ended before the answer did.
        """
        for frame in frames(chunks(self._response), self._waits):
            if frame.data == b"[DONE]":
                return
            yield from self._take(frame.data)
        if self._finish_reason is None:
            raise UpstreamFailed(
                f"{self.server} broke off its answer.", f"See `%mlx_logs {self.server}`."
            )

    def close(self) -> None:
        """End the generation now; what has come can still be taken."""
        self._response.close()

    def reply(self, finish_reason: str | None = None) -> Reply:
        """What has come so far; ``finish_reason`` says why it ended if the engine could not."""
        headers = {name: unquote(value) for name, value in self._response.headers.items()}
        return Reply(
            "".join(self._parts["text"]),
            reasoning="".join(self._parts["reasoning"]),
            usage=self._usage,
            timings=self._timings(),
            server=self.server,
            model=headers.get("x-mlx-model", self._request.model),
            revision=headers.get("x-mlx-revision"),
            engine=headers.get("x-mlx-engine", ""),
            sampling=self._request.sampling,
            seed=self._request.seed,
            finish_reason=self._finish_reason or finish_reason,
        )

    def _waits(self, comment: bytes) -> None:
        words = comment.decode("utf-8", "replace")
        read = _READ.fullmatch(words)
        if read is None:  # the gateway's own, which is a sentence
            self.on_wait(words)
        elif int(read[2]) >= LONG_PROMPT:
            self.on_wait(f"{self.server} reads, {read[1]} of {read[2]} tokens")

    def _take(self, data: bytes) -> Iterator[Delta]:
        if error := decode_error(data):
            raise error
        try:
            chunk = msgspec.json.decode(data, type=_Chunk)
        except msgspec.DecodeError as error:
            raise UpstreamFailed(f"{self.server} sent what is no answer: {error}.") from None
        self._usage = chunk.usage or self._usage
        for choice in chunk.choices:
            self._finish_reason = choice.finish_reason or self._finish_reason
            message = choice.delta
            if reasoning := message.reasoning or message.reasoning_content:
                yield self._note("reasoning", reasoning)
            if message.content:
                yield self._note("text", message.content)

    def _note(self, kind: Kind, text: str) -> Delta:
        self._last = perf_counter()
        self._first.setdefault(kind, self._last)
        self._parts[kind].append(text)
        return Delta(kind, text)

    def _timings(self) -> Timings:
        first = min(self._first.values(), default=None)
        thought, spoke = self._first.get("reasoning"), self._first.get("text", self._last)
        decoded = self._usage.completion_tokens - 1 if self._usage else 0
        rate = None
        if first is not None and decoded > 0 and self._last > first:
            rate = decoded / (self._last - first)
        return Timings(
            total_seconds=perf_counter() - self._sent,
            first_token_seconds=None if first is None else first - self._sent,
            reasoning_seconds=None if thought is None else spoke - thought,
            tokens_per_second=rate,
        )


@contextmanager
def open_chat(transport: Transport, request: ChatRequest) -> Iterator[ChatStream]:
    """Send the request; leaving the block, for whatever reason, ends the generation too.

    Raises:
        MLXManagerError: the gateway's answer when it is an error.
    """
    body = msgspec.to_builtins(request) | {
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    sent = perf_counter()
    with transport.stream(
        "POST", f"{GATEWAY}chat/completions", body, read_seconds=None
    ) as response:
        yield ChatStream(request, response, sent)
