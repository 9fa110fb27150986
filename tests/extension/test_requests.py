"""``GET requests``: what the gateway was asked through HTTP is in the log, to the token."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
import pytest

from mlx_manager_jupyter.adapters.request_log import records
from mlx_manager_jupyter.schema import COLUMNS_TYPE, LINES_TYPE, RequestColumns, RequestRecord
from tests.extension.test_gateway import ASK, events, serve
from tests.extension.test_servers import API
from tests.fixtures.requests import record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlx_manager_jupyter.extension.app import MLXManager
    from tests.extension.conftest import Door

REQUESTS = f"{API}/requests"


async def ask(door: Door, key: str, **fields: Any) -> Any:
    """One answer that is no stream."""
    body = {"model": "tiny", "messages": ASK, **fields}
    path = "v1/chat/completions"
    return await door.fetch(path, method="POST", token=key, body=body)


async def listed(door: Door, wanted: int) -> list[dict[str, Any]]:
    """As many requests, once they have ended."""
    rows: list[dict[str, Any]] = []
    for _ in range(3000):
        rows = await door.json(REQUESTS)
        if len(rows) >= wanted:
            break
        await asyncio.sleep(0.01)
    assert len(rows) == wanted
    return rows


async def test_every_request_is_told_however_it_ended(
    door: Door, model: Path, mlx_home: Path, fake_env: Callable[..., dict[str, str]]
) -> None:
    before = datetime.now(UTC)
    key = await serve(door, model, fake_env(token_seconds=0.05, tokens=["a "] * 40))
    answered = json.loads((await ask(door, key, max_tokens=4)).body)
    streamed = [
        event
        async for event in events(
            door, key, {"model": "tiny", "messages": ASK, "stream": True, "max_tokens": 3}
        )
    ]
    assert streamed[-1] == "[DONE]"
    assert (await ask(door, key, model="tny")).code == 404
    assert (await ask(door, key, messages=[])).code == 400
    leaving = events(door, key, {"model": "tiny", "messages": ASK, "stream": True})
    seen = [await anext(leaving) for _ in range(4)]
    assert len(seen) == 4
    await leaving.aclose()  # type: ignore[attr-defined]

    rows = await listed(door, 5)
    assert [row["status"] for row in rows] == [200, 200, 404, 400, 499]
    whole, stream, unknown, refused, left = rows
    assert whole["prompt_tokens"] == answered["usage"]["prompt_tokens"]
    assert whole["completion_tokens"] == answered["usage"]["completion_tokens"] == 4
    assert (stream["completion_tokens"], stream["stream"], whole["stream"]) == (3, True, False)
    assert (whole["finish"], stream["finish"], left["finish"]) == ("length", "length", "cancelled")
    for row in (whole, stream, left):
        assert (row["server"], row["model"], row["engine"]) == ("tiny", str(model), "mlx-lm")
        assert row["caller"] == "test"
        assert 0 <= row["first_token_seconds"] <= row["seconds"]
    assert 1 <= left["completion_tokens"] < 40
    assert (unknown["error"], unknown["asked"]) == ("unknown_model", "tny")
    assert unknown["server"] is None
    assert refused["error"] == "bad_request"
    for row in rows:
        assert before <= datetime.fromisoformat(row["time"]) <= datetime.now(UTC)
        assert row["endpoint"] == "chat/completions"
    assert len({row["id"] for row in rows}) == 5

    (written,) = (mlx_home / "requests").iterdir()
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert b"capital of France" not in written.read_bytes(), "what was said is nowhere"


@pytest.fixture
def plenty(extension: MLXManager) -> list[RequestRecord]:
    """Rows in the log."""
    rows = [record(number, server=f"s{number % 3}") for number in range(1200)]
    for row in rows:
        extension.managers.requests.add(row)
    return rows


async def test_a_query_is_answered_in_three_forms(door: Door, plenty: list[RequestRecord]) -> None:
    since = quote(plenty[300].time.isoformat())
    query = f"{REQUESTS}?since={since}&server=s1&limit=200"
    wanted = [row for row in plenty[300:] if row.server == "s1"][-200:]
    answer = await door.fetch(query)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert msgspec.json.decode(answer.body, type=list[RequestRecord]) == wanted

    lines = await door.fetch(query, headers={"Accept": LINES_TYPE})
    assert lines.headers["Content-Type"] == LINES_TYPE
    decoder = msgspec.json.Decoder(RequestRecord)
    assert decoder.decode_lines(lines.body) == wanted

    columns = await door.fetch(query, headers={"Accept": COLUMNS_TYPE})
    assert columns.headers["Content-Type"] == COLUMNS_TYPE
    rest, found = columns.body, list[RequestRecord]()
    while rest:
        end = 4 + int.from_bytes(rest[:4], "little")
        found += records(msgspec.msgpack.decode(rest[4:end], type=RequestColumns))
        rest = rest[end:]
    assert found == wanted

    assert len(await door.json(REQUESTS)) == 1000, "by default"
    assert len(await door.json(f"{REQUESTS}?limit=5000")) == 1200
    for kind in ("application/json", LINES_TYPE, COLUMNS_TYPE):
        nothing = await door.fetch(f"{REQUESTS}?server=nobody", headers={"Accept": kind})
        assert nothing.body == (b"[]" if kind == "application/json" else b"")
        assert nothing.headers["Content-Type"].startswith(kind)


async def test_a_wrong_query_is_refused_in_words(door: Door) -> None:
    for query, code, words in [
        ("limit=0", "invalid_value", "limit"),
        ("limit=many", "invalid_value", "limit"),
        ("since=yesterday", "invalid_value", "since"),
        ("sinec=2026-01-31", "unknown_field", "since"),
    ]:
        answer = await door.fetch(f"{REQUESTS}?{query}")
        problem = json.loads(answer.body)
        assert (answer.code, problem["code"]) == (400, code), problem
        assert words in problem["message"] + (problem["hint"] or "")
