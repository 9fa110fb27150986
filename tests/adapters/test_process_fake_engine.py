"""The fake engine is only worth what it has in common with the real one."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from tests.fixtures import models
from tests.fixtures.processes import Rig, until

if TYPE_CHECKING:
    from pathlib import Path

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello there"}], "max_tokens": 9}
STREAM = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}


def shape(value: Any) -> Any:
    """The keys and types of an answer, without what it says."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return value if value in ("assistant", "stop", "length") else type(value).__name__


def parts(answer: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Status line, names of the headers that matter, body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    ours = (b"Content-", b"Cache-", b"Access-")
    return status, [each.split(b":")[0] for each in headers if each.startswith(ours)], body


def frames(body: bytes) -> list[Any]:
    """Every kind of frame of a stream once, in order."""
    found: list[Any] = []
    for line in body.decode().splitlines():
        content = line.removeprefix("data: ")
        frame = shape(json.loads(content)) if content.startswith("{") else content.split()[:2]
        if line and frame not in found:
            found.append(frame)
    return found


@pytest.mark.engine
async def test_speaks_as_the_real_one_does(tmp_path: Path) -> None:
    folder = models.make("chat", tmp_path / "model")
    (tmp_path / "fake").mkdir()
    async with Rig(tmp_path) as real, Rig(tmp_path / "fake", tokens=["a"] * 20) as fake:
        port = str(real.launch.port)
        argv = (sys.executable, "-m", "mlx_lm", "server", "--model", str(folder), "--port", port)
        real.launch = replace(real.launch, argv=argv)
        said = []
        for rig in (real, fake):
            process = rig.process(load_timeout=60)
            await process.start()
            await process.wait_ready()
            status, headers, body = parts(await rig.ask(CHAT))
            stream_status, stream_headers, stream = parts(await rig.ask(STREAM))
            bad = [
                parts(await rig.ask({**CHAT, **wrong}))
                for wrong in ({"max_tokens": 0}, {"stream": 1})
            ]
            said.append(
                {
                    "answer": (status, headers, shape(json.loads(body))),
                    "stream": (stream_status, stream_headers, frames(stream)),
                    "bad": [(each[0], each[1], shape(json.loads(each[2]))) for each in bad],
                }
            )
            await process.stop()
        assert said[0] == said[1]


@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("after", [0, 3], ids=["before the first token", "in the middle"])
async def test_notices_at_once_that_the_client_has_gone(
    tmp_path: Path, body: dict[str, Any], after: int
) -> None:
    pace = {"token_seconds": 0.05} if after else {"first_token_seconds": 30}
    async with Rig(tmp_path, tokens=["x"] * 500, **pace) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        request = asyncio.create_task(rig.ask({**body, "max_tokens": 500}))
        await until(lambda: len(rig.events("request")) == 2)
        await asyncio.sleep(after * 0.05)
        left = time.time()
        request.cancel()
        await until(lambda: rig.events("closed"))
        closed = rig.events("closed")[0]
        assert closed["time"] - left < 0.05
        assert closed["id"] == 2
        assert (closed["token"] > 0) == bool(after)
        assert len(rig.events("finished")) == 1  # the probe's
        await process.stop()


async def test_another_model_is_an_offence(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        assert b"404" in await rig.ask({**CHAT, "model": "gpt-4"})
        assert [each["model"] for each in rig.events("offence")] == ["gpt-4"]
        assert b"200" in await rig.ask({**CHAT, "model": "default_model"})
        await process.stop()


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ({"error_status": 500}, b"HTTP/1.0 500"),
        ({"break_after": 2}, b"capital"),
        ({"crash_after_requests": 1}, b""),
        ({"reasoning": "Let me see."}, b'"reasoning": "Let"'),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
async def test_faults_of_an_answer(tmp_path: Path, faults: dict[str, Any], expected: bytes) -> None:
    async with Rig(tmp_path, **faults) as rig:
        process = rig.process()
        await process.start()
        await process.wait_ready()
        answer = await rig.ask(STREAM)
        assert expected in answer
        assert (b"[DONE]" in answer) == ("reasoning" in faults)
        await process.stop()
