"""A client that leaves, and what its engine does then: seen from outside, by what it uses."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any

import openai
import psutil

from tests.conformance.places import REPLAYED, WORDS

if TYPE_CHECKING:
    from tests.conformance.places import Target

STOPS, GOES_ON = "stops", "goes on"
#: Of a core: an engine that waits for requests uses less, one that generates more.
IDLE = 0.04
#: Seconds over which that is seen, and in which it has to come to rest.
WINDOW, REST = 0.6, 30.0
#: As tokens are bytes here, a prompt of this length is read for seconds.
LONG = 3_500
MOST = 1_000_000
#: What the real ones say while they read a prompt, or write.
WORKS = re.compile(r"Prompt processing progress|Prefill progress|Decode progress")
#: What mlx-vlm says of one that it ended; mlx-lm says nothing of it.
CANCELLED = re.compile(r"Generation cancelled: request=\S+ generated_tokens=\d+")


def leave(target: Target, when: str) -> str:
    """Ask for an answer without end, leave, and say what the engine does.

    Args:
        target: whom to ask.
        when: in a ``stream``, ``early``, before its first token, or in a ``plain`` request.
    """
    process = psutil.Process(target.pids["talks"])
    seen, logged = len(journal(target)), target.log.stat().st_size
    asyncio.run(_ask_and_leave(target, when, logged))
    if target.engine == REPLAYED:
        return _replayed(target, seen)
    if not rests(process):
        return GOES_ON
    said = log(target, logged)
    assert target.engine != "mlx-vlm" or CANCELLED.search(said), said
    return STOPS


async def _ask_and_leave(target: Target, when: str, logged: int) -> None:
    content = "Go on for ever!" if when != "early" else "word " * (LONG // 5) + "for ever"
    messages: list[Any] = [{"role": "user", "content": content}]
    name = target.name("goes on")
    seen = len(journal(target))

    def works() -> bool:
        """It reads the prompt, or writes."""
        return bool(WORKS.search(log(target, logged))) or len(journal(target)) > seen

    async with openai.AsyncOpenAI(base_url=target.url, api_key=target.key, max_retries=0) as client:
        ask = client.chat.completions.create
        if when == "stream":
            stream = await ask(model=name, messages=messages, max_tokens=MOST, stream=True)
            chunks = aiter(stream)
            for _ in range(3):
                await anext(chunks)
            await stream.close()
            return
        plain = asyncio.ensure_future(ask(model=name, messages=messages, max_tokens=MOST))
        async with asyncio.timeout(REST):
            while not works():
                await asyncio.sleep(0.02)
        assert not plain.done(), "the answer has no end"
        plain.cancel()


def _replayed(target: Target, seen: int) -> str:
    """Whether it said all of its words to nobody."""
    deadline = time.monotonic() + REST
    while time.monotonic() < deadline:
        for line in journal(target)[seen:]:
            if line["event"] == "finished":
                return GOES_ON if line["tokens"] == WORDS else STOPS
        time.sleep(0.05)
    raise AssertionError("it never ended")


def log(target: Target, since: int) -> str:
    """What the engine printed behind so many bytes."""
    return target.log.read_bytes()[since:].decode("utf-8", "replace")


def journal(target: Target) -> list[dict[str, Any]]:
    """What the replayed engine noted."""
    text = target.journal.read_text("utf-8") if target.journal.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def used(process: psutil.Process) -> float:
    """Seconds of CPU, children included: one of the engines generates in a child."""
    return sum(sum(each.cpu_times()[:2]) for each in [process, *process.children(recursive=True)])


def rests(process: psutil.Process) -> bool:
    """Whether it comes to rest."""
    deadline = time.monotonic() + REST
    while time.monotonic() < deadline:
        before = used(process)
        time.sleep(WINDOW)
        if used(process) - before < IDLE * WINDOW:
            return True
    return False
