"""Metrics over HTTP and in Jupyter's own ``/metrics``: a real Jupyter server, real requests."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from mlx_manager_jupyter.extension.metrics import FEW, _in_pieces, _written
from mlx_manager_jupyter.schema import MetricsHistory
from tests.extension.test_servers import API, start, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlx_manager_jupyter.extension.app import MLXManager
    from tests.extension.conftest import Door

METRICS = f"{API}/metrics"
SECONDS = 30
STEP = 0.2
FIRST = "mlx_manager_first_token_seconds"


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    return {**jp_server_config, "MetricsManager": {"interval": STEP}}


async def eventually(door: Door, path: str, true: Callable[[Any], object]) -> Any:
    """The first answer of which that is true."""
    async with asyncio.timeout(SECONDS):
        while not true(answer := await door.json(path)):
            await asyncio.sleep(0.1)
        return answer


@pytest.fixture
def ask(door: Door) -> Callable[..., Any]:
    """Ask a model for its whole answer."""

    async def post(model: str) -> HTTPResponse:
        made = await door.json(f"{API}/keys", method="POST", body={"label": "test"})
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
        return await door.fetch(
            "v1/chat/completions", method="POST", token=made["secret"], body=body
        )

    return post


# --- the history ----------------------------------------------------------------------------------


async def test_history_is_there_when_somebody_comes_to_look(door: Door, model: Path) -> None:
    assert (await door.json(METRICS))["times"] == []
    await start(door, model=str(model), name="tiny")
    await until(door, "tiny", "ready")
    past = await eventually(door, METRICS, lambda got: len(got["times"]) >= 3)
    assert past["step_seconds"] == STEP
    assert past["times"] == sorted(past["times"])
    (tiny,) = past["servers"].values()
    assert {len(column) for column in (*tiny.values(), *past["system"].values())} == {
        len(past["times"])
    }
    assert tiny["memory_bytes"][-1] > 1_000_000
    assert tiny["memory_bytes"][-1] < past["total_bytes"]
    assert past["system"]["used_bytes"][-1] > 0
    assert past["total"]["memory_bytes"][-1] == tiny["memory_bytes"][-1]
    assert (await door.fetch(f"{API}/servers/tiny", method="DELETE")).code == 204
    assert "tiny" in (await door.json(METRICS))["servers"], "what was is not forgotten"


async def test_the_query_says_since_when_and_how_fine(door: Door, model: Path) -> None:
    await start(door, model=str(model), name="tiny")
    past = await eventually(door, METRICS, lambda got: len(got["times"]) >= 3)
    moment = datetime.fromtimestamp(past["times"][1], UTC)
    since = quote(moment.isoformat())
    assert (await door.json(f"{METRICS}?since={since}"))["times"][0] == past["times"][1]
    assert (await door.json(f"{METRICS}?since={since}&step=1"))["step_seconds"] == STEP
    coarse = await door.json(f"{METRICS}?step=10")
    assert coarse["step_seconds"] == 10
    assert all(time % 10 == 0 for time in coarse["times"])
    assert len(coarse["times"]) >= 1
    yesterday = quote((moment - timedelta(days=1)).isoformat())
    assert (await door.json(f"{METRICS}?since={yesterday}"))["times"][0] == past["times"][0]


@pytest.mark.parametrize(
    ("query", "code"),
    [("step=5", "invalid_value"), ("since=soon", "invalid_value"), ("sine=1", "unknown_field")],
)
async def test_mistakes_in_the_query_are_told(door: Door, query: str, code: str) -> None:
    response = await door.fetch(f"{METRICS}?{query}")
    assert response.code == 400
    assert json.loads(response.body)["code"] == code


async def test_now_is_measured_when_it_is_asked(
    door: Door, model: Path, ask: Callable[..., Any]
) -> None:
    assert (await door.json(f"{METRICS}/now"))["servers"] == {}
    await start(door, model=str(model), name="tiny")
    await until(door, "tiny", "ready")
    assert (await ask("tiny")).code == 200

    def seen(got: Any) -> bool:
        tiny = got["servers"]["tiny"]
        return tiny["requests"] and tiny["cpu_percent"] is not None

    now = await eventually(door, f"{METRICS}/now", seen)
    tiny = now["servers"]["tiny"]
    assert tiny["memory_bytes"] > 1_000_000
    assert (tiny["requests"], tiny["errors"]) == (1, 0)
    assert tiny["tokens"] > 0
    assert tiny["first_token_p50"] == tiny["first_token_p95"] == tiny["first_token_seconds"]
    assert now["total"]["tokens"] == tiny["tokens"]


async def test_a_long_answer_is_written_aside_and_says_the_same() -> None:
    points = tuple(None if number % 3 else number / 7 for number in range(FEW))
    columns = {"memory_bytes": points, "cpu_percent": points}
    history = MetricsHistory(
        step_seconds=1.0,
        times=tuple(map(float, range(FEW))),
        total_bytes=1,
        system=columns,
        total=columns,
        servers={"a": columns, "b": {}},
    )
    assert _in_pieces(history) == msgspec.json.encode(history) == await _written(history)


# --- Prometheus -----------------------------------------------------------------------------------


@pytest.fixture
def scrape(extension: MLXManager, jupyter_url: str) -> Callable[..., Any]:
    """Ask as Prometheus does: the samples by name and labels."""

    assert extension.serverapp
    token = extension.serverapp.identity_provider.token

    async def fetch() -> dict[tuple[str, ...], float]:
        response = await AsyncHTTPClient().fetch(
            f"{jupyter_url}metrics",
            headers={"Authorization": f"Bearer {token}"},  # as Prometheus writes it
        )
        families = text_string_to_metric_families(response.body.decode())
        ours = [family for family in families if family.name.startswith("mlx_manager_")]
        assert all(family.documentation.endswith(".") for family in ours)
        return {
            (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
            for family in ours
            for sample in family.samples
        }

    return fetch


async def test_figures_are_in_jupyters_own_metrics(
    door: Door,
    model: Path,
    ask: Callable[..., Any],
    scrape: Callable[..., Any],
    fake_env: Callable[..., dict[str, str]],
) -> None:
    labels = ("mlx-lm", str(model), "tiny")  # by the names of the labels: engine, model, server
    assert not any("tiny" in key for key in await scrape())
    slow = {"env": fake_env(first_token_seconds=1.5)}
    await start(door, model=str(model), name="tiny", set=slow)
    await until(door, "tiny", "ready")

    async with asyncio.timeout(SECONDS):
        while not (before := await scrape()).get(("mlx_manager_server_memory_bytes", *labels)):
            await asyncio.sleep(0.05)
    assert before["mlx_manager_server_memory_bytes", *labels] > 1_000_000
    assert before["mlx_manager_memory_bytes",] > before["mlx_manager_memory_available_bytes",] > 0

    asked = asyncio.ensure_future(ask("tiny"))
    async with asyncio.timeout(SECONDS):
        while not (during := await scrape()).get(("mlx_manager_requests_in_flight", *labels)):
            await asyncio.sleep(0.05)
    assert during["mlx_manager_requests_in_flight", *labels] == 1
    assert during["mlx_manager_requests_total", *labels] == 0
    assert during[f"{FIRST}_count", *labels] == 0

    answer = json.loads((await asked).body)
    async with asyncio.timeout(SECONDS):
        while not (after := await scrape())["mlx_manager_requests_total", *labels]:
            await asyncio.sleep(0.05)
    assert after["mlx_manager_requests_total", *labels] == 1
    assert after["mlx_manager_tokens_total", *labels] == answer["usage"]["completion_tokens"]
    assert after["mlx_manager_prompt_tokens_total", *labels] == answer["usage"]["prompt_tokens"]
    assert after[f"{FIRST}_count", *labels] == 1
    assert after[f"{FIRST}_sum", *labels] >= 1.5
    assert after[f"{FIRST}_bucket", "mlx-lm", "1.0", str(model), "tiny"] == 0
    assert after[f"{FIRST}_bucket", "mlx-lm", "+Inf", str(model), "tiny"] == 1

    assert (await door.fetch(f"{API}/servers/tiny", method="DELETE")).code == 204
    async with asyncio.timeout(SECONDS):
        while ("mlx_manager_server_memory_bytes", *labels) in (gone := await scrape()):
            await asyncio.sleep(0.1)
    assert gone["mlx_manager_requests_total", *labels] == 1, "counters stay, gauges go"


async def test_errors_are_counted_by_their_code(
    door: Door,
    model: Path,
    ask: Callable[..., Any],
    scrape: Callable[..., Any],
    fake_env: Callable[..., dict[str, str]],
) -> None:
    await start(door, model=str(model), name="ill", set={"env": fake_env(error_status=500)})
    await until(door, "ill", "ready")
    refused = await ask("ill")
    code = json.loads(refused.body)["error"]["code"]
    labels = ("mlx-lm", str(model), "ill")
    async with asyncio.timeout(SECONDS):
        while not (found := await scrape()).get(("mlx_manager_requests_total", *labels)):
            await asyncio.sleep(0.05)
    assert found["mlx_manager_requests_total", *labels] == 1
    assert found["mlx_manager_request_errors_total", code, *labels] == 1


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_a_stranger_may_not_scrape(
    extension: MLXManager, jupyter_url: str, door: Door, token: str
) -> None:
    assert extension.serverapp
    assert extension.serverapp.authenticate_prometheus
    headers = {"Authorization": f"token {token}"} if token else {}
    response = await AsyncHTTPClient().fetch(
        f"{jupyter_url}metrics", headers=headers, raise_error=False, follow_redirects=False
    )
    assert response.code == 403
    assert (await door.fetch("metrics")).code == 404, "the door has no such address"


async def test_an_extension_that_ends_is_scraped_no_more(
    extension: MLXManager, scrape: Callable[..., Any]
) -> None:
    await extension.managers.metrics.now(servers=False)
    extension.managers.metrics.watch(watched=True)
    async with asyncio.timeout(SECONDS):
        while not await scrape():
            await asyncio.sleep(0.05)
    await extension.stop_extension()
    assert await scrape() == {}
