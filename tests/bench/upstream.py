#!/usr/bin/env python3
"""An engine that costs next to nothing: ``mlx_lm.server``'s command line, HTTP and chunks.

The request says how it streams: ``max_tokens`` chunks, one every ``chunk_seconds`` (0: as fast as
the client reads), the first one after ``first_seconds``. Whoever says a ``tell_port`` gets a
datagram there with what ``tell`` says, as soon as the request has come. The text of a chunk is
``time.monotonic_ns()`` when it was sent, which is the same clock in every process of a machine.
Standard library only, as it runs outside any environment.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import time
from typing import Any

PACKET: dict[str, Any] = {
    "id": "chatcmpl-00000000-0000-4000-8000-000000000000",
    "system_fingerprint": "0.32.2-bench",
    "object": "chat.completion.chunk",
    "model": "default_model",
    "created": 1700000000,
}
TELLS = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
HEAD = (
    b"HTTP/1.0 200 OK\r\nContent-type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Access-Control-Allow-Origin: *\r\n\r\n"
)


def event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "finish_reason": finish, "delta": {"role": "assistant", **delta}}
    return b"data: " + json.dumps({**PACKET, "choices": [choice]}).encode() + b"\n\n"


async def stream(writer: asyncio.StreamWriter, chunks: int, pace: float, first: float) -> None:
    writer.write(HEAD + b": keepalive 1/1\n\n")
    began = time.monotonic() + first
    for number in range(chunks):
        # Sleeping for nothing still gives the other streams their turn, as a batching engine does.
        await asyncio.sleep(max(0.0, began + number * pace - time.monotonic()))
        writer.write(event({"content": str(time.monotonic_ns())}))
        await writer.drain()
    usage = {"prompt_tokens": 1, "completion_tokens": chunks, "total_tokens": chunks + 1}
    last = json.dumps({**PACKET, "choices": [], "usage": usage}).encode()
    writer.write(event({}, "stop") + b"data: " + last + b"\n\ndata: [DONE]\n\n")
    await writer.drain()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        body = json.loads(await reader.readexactly(int(length or 0)) or b"{}")
        if "tell_port" in body:
            TELLS.sendto(str(body["tell"]).encode(), ("127.0.0.1", body["tell_port"]))
        if body.get("stream"):
            pace, first = body.get("chunk_seconds", 0.0), body.get("first_seconds", 0.0)
            await stream(writer, body["max_tokens"], pace, first)
        else:  # the probe: "can you answer at all?"
            answer = json.dumps({**PACKET, "object": "chat.completion", "choices": []}).encode()
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
    except (OSError, EOFError):
        pass  # the client left
    finally:
        writer.close()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    server = await asyncio.start_server(serve, options.host, options.port, backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
